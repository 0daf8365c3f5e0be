//! Changes one value of the file and leaves the rest as it is.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;
use serde_json::ser::PrettyFormatter;
use serde_yaml::{Mapping, Value as Yaml};
use toml_edit::{DocumentMut, TableLike};
use yamlpatch::{Op, Patch, apply_yaml_patches};
use yamlpath::{Component, Document, Route};

use super::{ConfigError, Loaded, Settings, Sources, form::Form};

/// Levels of a key; a configuration has no more (contract 2.2.8).
const LEVELS: usize = 5;

/// What a change means for a service that reads the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// A running one takes it up at once.
    pub live: bool,
    /// It means nothing: this has the last word, for example `variable CHASSIS_SERVER__WORKERS`.
    pub overridden: Option<String>,
}

impl Edited {
    fn of(name: &str, settings: &Settings, file: &Path) -> Self {
        let setting = settings.named(name).map(|(_, setting)| setting);
        let from_file = format!("file {}", file.display());
        let overridden = setting.filter(|setting| !setting.origin.ends_with(&from_file));
        Self {
            live: setting.is_some_and(|setting| setting.live),
            overridden: overridden.map(|setting| setting.origin.clone()),
        }
    }
}

/// Why a file is not changed. It is as it was.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// No file is named.
    #[error("there is no file to change; name it with --config or CHASSIS_CONFIG")]
    NoFile,
    /// Not a key.
    #[error(
        "{key:?} is not a key; write one to five names with dots between them, for example server.workers"
    )]
    Key {
        /// What was given.
        key: String,
    },
    /// The section is not in the file.
    #[error("{section} is not a section of {}; add it there first", .file.display())]
    NoSection {
        /// The part of the key.
        section: String,
        /// The file.
        file: PathBuf,
    },
    /// The key is a section.
    #[error("{key} is a section of {}, not a value; name a key in it", .file.display())]
    Section {
        /// The key.
        key: String,
        /// The file.
        file: PathBuf,
    },
    /// The file cannot be read as it is.
    #[error("{} {reason}", .file.display())]
    Text {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A value in a place where this one value cannot be changed.
    #[error("{key} cannot be changed where it stands in {}; change it by hand", .file.display())]
    Place {
        /// The key.
        key: String,
        /// The file.
        file: PathBuf,
    },
    /// The service would not start with it.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// As files from a ConfigMap are.
    #[error("{} is read-only; change it where it comes from", .file.display())]
    ReadOnly {
        /// The file.
        file: PathBuf,
    },
    /// What the system says.
    #[error("{} cannot be changed", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
}

/// Sets `key` to `value` in the file of `sources`, if `load` has nothing against it (contract 2.2.8).
///
/// The section has to be there, the key itself need not. Comments and order stay in YAML and TOML; JSON, which has no
/// comments, keeps its order and is indented by four. The new file replaces the old one at once, under a lock of its
/// directory, and a running service that watches it takes up a live key.
///
/// ```
/// use chassis_config::{Count, Sources, load, set};
///
/// # let directory = tempfile::tempdir()?;
/// let file = directory.path().join("service.toml");
/// std::fs::write(&file, "[server]\nworkers = 4 # one per core\n")?;
/// let sources = Sources::default().with_file(&file);
/// set(&sources, "server.workers", "8", |sources| {
///     load(sources, |reader| reader.key("server.workers").or(Count::new(1)))
/// })?;
/// assert_eq!(std::fs::read_to_string(&file)?, "[server]\nworkers = 8 # one per core\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn set<T>(
    sources: &Sources,
    key: &str,
    value: &str,
    load: impl Fn(&Sources) -> Result<Loaded<T>, ConfigError>,
) -> Result<Edited, EditError> {
    let file = sources.file.clone().ok_or(EditError::NoFile)?;
    let error = |source| EditError::File { file: file.clone(), source };
    let names: Vec<&str> = key.split('.').collect();
    if names.len() > LEVELS || names.iter().any(|name| name.is_empty()) {
        return Err(EditError::Key { key: key.to_owned() });
    }
    // A link stays one.
    let target = file.canonicalize().map_err(error)?;
    let directory = target.parent().unwrap_or(Path::new("/"));
    let lock = File::open(directory).map_err(error)?;
    lock.lock().map_err(error)?;
    let text = fs::read_to_string(&target).map_err(error)?;
    let form = Form::of(&file, &text);
    let before = form.parse(&text).map_err(|reason| EditError::Text { file: file.clone(), reason })?;
    let mut refusal = None;
    for candidate in candidates(&before, &names, value, &file)? {
        let mut wanted = before.clone();
        put(&mut wanted, &names, candidate.clone());
        // Whatever the libraries make of it has to say what is wanted, and nothing else.
        let changed = with(form, &text, &names, &candidate);
        let Some(changed) = changed.filter(|changed| form.parse(changed).as_ref() == Ok(&wanted)) else {
            refusal.get_or_insert(EditError::Place { key: key.to_owned(), file: file.clone() });
            continue;
        };
        let draft = Sources { draft: Some(changed.clone()), ..sources.clone() };
        match load(&draft) {
            Ok(loaded) => {
                let edited = Edited::of(key, &loaded.settings, &file);
                return replace(&target, directory, &changed)
                    .map(|()| edited)
                    .map_err(|error| refused(file, error));
            }
            Err(error) => _ = refusal.get_or_insert(error.into()),
        }
    }
    // Of no candidate at all.
    Err(refusal.unwrap_or(EditError::Key { key: key.to_owned() }))
}

/// `value` as the file may hold it, the likeliest first: a text stays one, else it may be a number or a truth value.
fn candidates(before: &Yaml, names: &[&str], value: &str, file: &Path) -> Result<Vec<Yaml>, EditError> {
    let mut place = before;
    for (index, name) in names.iter().enumerate() {
        if !place.is_mapping() {
            let section = names[..index].join(".");
            return Err(EditError::NoSection { section, file: file.to_owned() });
        }
        place = place.get(name).unwrap_or(&Yaml::Null);
    }
    let text = Yaml::from(value);
    if place.is_mapping() {
        return Err(EditError::Section { key: names.join("."), file: file.to_owned() });
    }
    let plain = serde_yaml::from_str(value).ok().filter(|plain: &Yaml| plain.is_number() || plain.is_bool());
    Ok(match plain {
        Some(plain) if !place.is_string() => vec![plain, text],
        _ => vec![text],
    })
}

fn put(tree: &mut Yaml, names: &[&str], value: Yaml) {
    match (names, tree) {
        ([name], Yaml::Mapping(mapping)) => _ = mapping.insert(Yaml::from(*name), value),
        ([name, rest @ ..], Yaml::Mapping(mapping)) => {
            if let Some(tree) = mapping.get_mut(*name) {
                put(tree, rest, value);
            }
        }
        _ => {}
    }
}

/// `text` with one other value; `None` where that can't be done.
fn with(form: Form, text: &str, names: &[&str], value: &Yaml) -> Option<String> {
    match form {
        Form::Json => json_with(text, names, value.clone()),
        Form::Toml => toml_with(text, names, value),
        Form::Yaml => yaml_with(text, names, value),
    }
}

fn json_with(text: &str, names: &[&str], value: Yaml) -> Option<String> {
    // Unlike JSON's own type here, this one keeps the order of members.
    let mut tree: Yaml = serde_json::from_str(text).ok()?;
    put(&mut tree, names, value);
    let mut written = Vec::new();
    let formatter = PrettyFormatter::with_indent(b"    ");
    tree.serialize(&mut serde_json::Serializer::with_formatter(&mut written, formatter)).ok()?;
    written.push(b'\n');
    String::from_utf8(written).ok()
}

fn toml_with(text: &str, names: &[&str], value: &Yaml) -> Option<String> {
    let mut document: DocumentMut = text.parse().ok()?;
    let (name, sections) = names.split_last()?;
    let mut section: &mut dyn TableLike = document.as_table_mut();
    for name in sections {
        section = section.get_mut(name)?.as_table_like_mut()?;
    }
    let mut value: toml_edit::Value = match value {
        Yaml::Bool(value) => (*value).into(),
        Yaml::Number(number) => match number.as_i64() {
            Some(number) => number.into(),
            None => number.as_f64()?.into(),
        },
        value => value.as_str()?.into(),
    };
    match section.get_mut(name) {
        Some(item) => {
            let place = item.as_value_mut()?;
            // The comment beside it.
            *value.decor_mut() = place.decor().clone();
            *place = value;
        }
        None => _ = section.insert(name, value.into()),
    }
    Some(document.to_string())
}

fn yaml_with(text: &str, names: &[&str], value: &Yaml) -> Option<String> {
    let (name, sections) = names.split_last()?;
    let tree: Yaml = serde_yaml::from_str(text).ok()?;
    if tree.is_null() {
        let mapping = Mapping::from_iter([(Yaml::from(*name), value.clone())]);
        return Some(format!("{text}{}", serde_yaml::to_string(&mapping).ok()?));
    }
    let document = Document::new(text).ok()?;
    let section = Route::default().with_keys(sections.iter().map(|name| Component::from(*name)));
    let place = section.with_key(*name);
    let patch = if document.query_exists(&place) {
        Patch { route: place, operation: Op::Replace(value.clone()) }
    } else {
        Patch { route: section, operation: Op::Add { key: (*name).to_owned(), value: value.clone() } }
    };
    Some(apply_yaml_patches(&document, &[patch]).ok()?.source().to_owned())
}

/// Another file in its place, at once and with the same rights. The lock is held: nobody else makes one.
fn replace(file: &Path, directory: &Path, text: &str) -> io::Result<()> {
    let permissions = fs::metadata(file)?.permissions();
    if permissions.readonly() {
        return Err(ErrorKind::ReadOnlyFilesystem.into());
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let new = directory.join(format!(".{name}.new"));
    // One that a killed process has left.
    _ = fs::remove_file(&new);
    let written = write(&new, permissions, text).and_then(|()| fs::rename(&new, file));
    if written.is_err() {
        _ = fs::remove_file(&new);
    }
    written?;
    File::open(directory)?.sync_all()
}

fn write(new: &Path, permissions: fs::Permissions, text: &str) -> io::Result<()> {
    let mut new = File::create_new(new)?;
    new.set_permissions(permissions)?;
    new.write_all(text.as_bytes())?;
    new.sync_all()
}

fn refused(file: PathBuf, source: io::Error) -> EditError {
    match source.kind() {
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => EditError::ReadOnly { file },
        _ => EditError::File { file, source },
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Count, Legacy, Listen, Optional, Port, Reader, Timeout, load},
        *,
    };

    /// Some keys of a service.
    fn read(reader: &mut Reader) {
        const HOSTING: &[Legacy] =
            &[Legacy::rewritten("hosting.port", |port| format!("http://0.0.0.0:{port}"))];
        reader.key("server.listen").in_file(HOSTING).or(Listen::any(8080));
        for key in ["server.workers", "server.requests_per_worker"] {
            reader.key(key).or(Count::new(1));
        }
        for key in ["server.timeout", "server.read_timeout", "server.keep_alive", "server.drain_timeout"] {
            reader.key(key).or(Timeout::seconds(1));
        }
        for key in ["service.name", "service.version", "notify.email.subject"] {
            reader.key(key).or(String::new());
        }
        reader.key("cors.origin").or(Optional::NONE);
        reader.key("metrics.push").or(false);
        reader.key("notify.email.port").or(Port(465));
    }

    /// What `set` makes of a file of this name and text.
    fn edited(name: &str, text: &str, key: &str, value: &str) -> Result<String, EditError> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(name);
        fs::write(&file, text).unwrap();
        let sources = Sources::default().with_file(&file);
        let outcome = set(&sources, key, value, |sources| load(sources, read));
        let after = fs::read_to_string(&file).unwrap();
        assert!(outcome.is_ok() || after == text, "a refused change has been made");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "something is left");
        outcome.map(|_| after)
    }

    #[test]
    fn contract_2_2_8_one_value_changes_and_the_rest_stays() {
        for (name, text, key, value, after) in [
            (
                "a.yaml",
                "# ours\nserver:\n  workers: 4 # cores\n  timeout: 5s\n",
                "server.workers",
                "8",
                "# ours\nserver:\n  workers: 8 # cores\n  timeout: 5s\n",
            ),
            (
                "a.yaml",
                "server: {workers: 4}\n",
                "server.timeout",
                "5s",
                "server: { workers: 4, timeout: 5s }\n",
            ),
            (
                "a.yaml",
                "service:\n  name: 'a' # who\n",
                "service.version",
                "1.10",
                "service:\n  name: 'a' # who\n  version: '1.10'\n",
            ),
            (
                "a.toml",
                "# ours\n[server]\nworkers = 4 # cores\n\n[metrics]\npush = false\n",
                "metrics.push",
                "true",
                "# ours\n[server]\nworkers = 4 # cores\n\n[metrics]\npush = true\n",
            ),
            (
                "a.toml",
                "[notify.email]\nsubject = 'a' # b\n",
                "notify.email.port",
                "2525",
                "[notify.email]\nsubject = 'a' # b\nport = 2525\n",
            ),
            (
                "a.json",
                r#"{"server": {"timeout": "5s"}, "hosting": {"port": "5005"}}"#,
                "hosting.port",
                "6006",
                "{\n    \"server\": {\n        \"timeout\": \"5s\"\n    },\n    \"hosting\": {\n        \"port\": \"6006\"\n    }\n}\n",
            ),
        ] {
            let edited = edited(name, text, key, value);
            assert_eq!(edited.unwrap_or_else(|error| panic!("{text}{error}")), after);
        }
    }

    #[test]
    fn contract_2_2_8_what_cannot_be_set_is_refused_and_nothing_is_written() {
        let yaml = "server: {workers: 4}\nservice: {name: x}\n";
        for (key, value, reason) in [
            ("a.b.c.d.e.f", "1", "write one to five names with dots between them"),
            ("server..workers", "1", "write one to five names"),
            ("cors.origin", "*", "cors is not a section of"),
            ("server.workers.most", "1", "server.workers is not a section of"),
            ("server", "1", "server is a section of"),
            ("server.workers", "many", "\"many\" is not valid; write a whole number from 1 to 1024"),
            ("server.worker", "4", "unknown key; did you mean server.workers?"),
        ] {
            let error = edited("a.yaml", yaml, key, value).unwrap_err().to_string();
            assert!(error.contains(reason), "{key}: {error}");
        }
        let error = edited("a.yaml", "server: {\n  workers: 4\n}\n", "server.timeout", "5s").unwrap_err();
        assert!(error.to_string().contains("server.timeout cannot be changed where it stands in"), "{error}");
        let error = edited("a.toml", "[server", "server.workers", "1").unwrap_err().to_string();
        assert!(error.contains("is not valid TOML"), "{error}");
        let none = set(&Sources::default(), "a.b", "1", |sources| load(sources, read));
        assert!(matches!(none, Err(EditError::NoFile)));
    }

    #[test]
    fn links_and_rights_stay_and_a_read_only_file_says_so() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("file.yaml"), directory.path().join("link.yaml"));
        fs::write(&file, "server: {workers: 4}\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("file.yaml", &link).unwrap();
        let sources = Sources::default().with_file(&link);
        let workers = |count| set(&sources, "server.workers", count, |sources| load(sources, read));
        workers("8").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "server: { workers: 8 }\n");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o440)).unwrap();
        let error = workers("9").unwrap_err().to_string();
        assert!(error.ends_with("link.yaml is read-only; change it where it comes from"), "{error}");
    }

    #[test]
    fn changes_at_the_same_time_are_all_made() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.toml");
        let keys =
            ["workers", "requests_per_worker", "timeout", "read_timeout", "keep_alive", "drain_timeout"];
        fs::write(&file, format!("[server]\n{} = 1\n", keys.join(" = 1\n"))).unwrap();
        let sources = Sources::default().with_file(&file);
        std::thread::scope(|scope| {
            for key in keys {
                let sources = &sources;
                scope.spawn(move || {
                    let load = |sources: &Sources| load(sources, read);
                    set(sources, &format!("server.{key}"), "7", load).unwrap();
                });
            }
        });
        let after = fs::read_to_string(&file).unwrap();
        assert_eq!(after.matches(" = 7").count(), keys.len(), "{after}");
    }
}

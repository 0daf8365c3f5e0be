//! Where the service keeps files of its own.

use std::path::{Path, PathBuf};

use chassis_config::{Legacy, Reader};

/// What `$PYMICRO_DATADIR` stands for where it is not set (contract 1.4).
const DATADIR: (&str, &str) = ("PYMICRO_DATADIR", "/tmp");

/// The section `storage`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// A directory, made when something needs it. `$NAME` and `${NAME}` in it stand for variables. Default
    /// `$PYMICRO_DATADIR/data`, and `PYMICRO_DATADIR` is `/tmp` unless it is set (contract 1.4, 1.5.27).
    pub data_dir: PathBuf,
}

impl Storage {
    pub(super) fn read(reader: &mut Reader) -> Self {
        const KEY: &str = "storage.data_dir";
        const ABOUT: &str = "Where the service keeps files of its own. A directory, made when something needs it; \
            `$NAME` and `${NAME}` stand for variables, and `PYMICRO_DATADIR` is `/tmp` unless it is set.";
        const OUTPUT: &[Legacy] = &[Legacy::same("output.data_dir")];
        let text = reader.key(KEY).about(ABOUT).in_file(OUTPUT).or(format!("${}/data", DATADIR.0));
        let data_dir =
            match expand(&text, |name| reader.variable(name).or((name == DATADIR.0).then_some(DATADIR.1))) {
                Ok(path) => PathBuf::from(path),
                Err(name) => {
                    let reason =
                        format!("${name} in {text:?} is not set; set the variable or write the directory");
                    reader.problem(KEY, reason);
                    return Self { data_dir: text.into() };
                }
            };
        if let Some(file) = obstacle(&data_dir) {
            let reason = format!(
                "{} cannot be made, {} is not a directory; name another directory",
                data_dir.display(),
                file.display()
            );
            reader.problem(KEY, reason);
        }
        Self { data_dir }
    }
}

/// `text` with the values of its variables, or the name of one that has none.
fn expand<'a>(text: &str, value_of: impl Fn(&str) -> Option<&'a str>) -> Result<String, String> {
    let mut parts = text.split('$');
    let mut expanded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
        let braced = part.strip_prefix('{').and_then(|part| part.split_once('}'));
        let (name, rest) = braced.unwrap_or_else(|| part.split_at(end));
        expanded += value_of(name).ok_or(name)?;
        expanded += rest;
    }
    Ok(expanded)
}

/// What stands where a directory of this path would have to be.
fn obstacle(path: &Path) -> Option<&Path> {
    path.ancestors().find(|part| part.exists()).filter(|part| !part.is_dir())
}

#[cfg(test)]
mod tests {
    use chassis_config::{ConfigError, Sources, load};

    use super::*;

    fn data_dir(env: &[(&str, &str)]) -> Result<PathBuf, ConfigError> {
        let sources = Sources::default().with_env(env.iter().copied());
        load(&sources, Storage::read).map(|loaded| loaded.config.data_dir)
    }

    #[test]
    fn contract_1_5_27_variables_stand_for_their_values() {
        assert_eq!(data_dir(&[]).unwrap(), Path::new("/tmp/data"));
        assert_eq!(data_dir(&[("PYMICRO_DATADIR", "/srv")]).unwrap(), Path::new("/srv/data"));
        let braced = [("CHASSIS_STORAGE__DATA_DIR", "/srv/${NAME}x/$NAME"), ("NAME", "b")];
        assert_eq!(data_dir(&braced).unwrap(), Path::new("/srv/bx/b"));
    }

    #[test]
    fn contract_1_5_28_an_unknown_variable_and_a_file_in_the_way_are_named() {
        for (directory, reason) in [
            ("$NOWHERE/data", "$NOWHERE in \"$NOWHERE/data\" is not set; set the variable"),
            ("$/data", "$ in \"$/data\" is not set"),
            ("/etc/hostname/data", "/etc/hostname is not a directory; name another directory"),
        ] {
            let error = data_dir(&[("CHASSIS_STORAGE__DATA_DIR", directory)]).unwrap_err().to_string();
            assert!(error.contains("storage.data_dir: ") && error.contains(reason), "{error}");
        }
    }
}

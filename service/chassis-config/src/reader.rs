//! Reads keys through the layers and remembers everything that is wrong.

use std::collections::BTreeSet;

use super::{
    ConfigError, Legacy, Names, Problem, Setting, Settings, Sources, Value,
    file::{self, Scalar, Scalars},
    legacy::Found,
    names,
};

/// A configuration that can be used.
#[derive(Debug, Clone)]
pub struct Loaded<T> {
    /// The typed sections.
    pub config: T,
    /// Every key as text.
    pub settings: Settings,
    /// Values that were ignored, to be logged once logging works.
    pub warnings: Vec<String>,
}

/// Reads all layers of `sources` into what `read` returns.
pub fn load<T>(sources: &Sources, read: impl FnOnce(&mut Reader) -> T) -> Result<Loaded<T>, ConfigError> {
    load_but(sources, &[], read)
}

/// The same for a program that needs only a part: what is wrong with keys that begin with one of `others` does not
/// matter to it.
pub fn load_but<T>(
    sources: &Sources,
    others: &[&str],
    read: impl FnOnce(&mut Reader) -> T,
) -> Result<Loaded<T>, ConfigError> {
    let mut reader = Reader::new(sources);
    let config = read(&mut reader);
    reader.refuse_unknown();
    let Reader { settings, warnings, mut problems, .. } = reader;
    problems.retain(|problem| !others.iter().any(|other| problem.place.starts_with(other)));
    if problems.is_empty() {
        Ok(Loaded { config, settings, warnings })
    } else {
        Err(ConfigError { problems })
    }
}

/// Every key that `read` asks for, whatever is wrong with the values: for a reference.
pub fn settings<T>(sources: &Sources, read: impl FnOnce(&mut Reader) -> T) -> Settings {
    let mut reader = Reader::new(sources);
    read(&mut reader);
    reader.settings
}

/// Hands out keys; see [`load`].
#[derive(Debug)]
pub struct Reader<'s> {
    sources: &'s Sources,
    file: Scalars,
    /// Names of other conventions that may stand in the file.
    accepted: BTreeSet<&'static str>,
    /// Variables that mean something here, and what the names of all that are ours begin with.
    variables: BTreeSet<String>,
    prefixes: BTreeSet<String>,
    settings: Settings,
    warnings: Vec<String>,
    problems: Vec<Problem>,
}

impl<'s> Reader<'s> {
    fn new(sources: &'s Sources) -> Self {
        let mut problems = Vec::new();
        let read = |path| file::read(path, sources.draft.as_deref(), &mut problems);
        let mut file = sources.file.as_deref().map(read).unwrap_or_default();
        let live = sources.live_file().map(|path| file::read(&path, None, &mut problems));
        file.extend(live.unwrap_or_default());
        Self {
            sources,
            file,
            accepted: BTreeSet::new(),
            variables: BTreeSet::new(),
            prefixes: BTreeSet::new(),
            settings: Settings::default(),
            warnings: Vec::new(),
            problems,
        }
    }

    /// Starts to read the key `name`, for example `server.workers`.
    pub fn key<'r>(&'r mut self, name: &'static str) -> Key<'r, 's> {
        Key {
            reader: self,
            name,
            about: "",
            above_file: &[],
            in_file: &[],
            below_file: &[],
            of_service: None,
            live: false,
        }
    }

    /// Reports a problem that concerns more than one key.
    pub fn problem(&mut self, place: impl Into<String>, reason: impl Into<String>) {
        self.problems.push(Problem { place: place.into(), reason: reason.into() });
    }

    /// Says once, at start, that something was ignored.
    pub fn warn(&mut self, warning: String) {
        self.warnings.push(warning);
    }

    /// What the program is called.
    pub fn program(&self) -> &'s str {
        self.sources.program.as_deref().unwrap_or("microservice")
    }

    /// A variable that is not a layer of a key, if set.
    pub fn variable(&self, name: &str) -> Option<&'s str> {
        self.sources.variable(name)
    }

    /// Variables that begin with `prefix` are ours: one that no key has, and that is none of `others`, is told.
    pub fn own(&mut self, prefix: &str, others: &[&str]) {
        self.prefixes.insert(prefix.to_owned());
        self.variables.extend(others.iter().map(|name| (*name).to_owned()));
    }

    /// The layer that the value of a key is from, once it was read.
    pub fn origin(&self, key: &str) -> &str {
        self.settings.get(key).map_or("default", |setting| setting.origin.as_str())
    }

    /// Lets the file have `name`, which says nothing to us. Whether it has it.
    pub fn accept(&mut self, name: &'static str) -> bool {
        self.accepted.insert(name);
        self.file.contains_key(name)
    }

    fn refuse_unknown(&mut self) {
        let known = self.settings.keys();
        let mut unknown = Vec::new();
        let is_known = |key: &str| self.settings.get(key).is_some() || self.accepted.contains(key);
        for (key, scalar) in self.file.iter().filter(|(key, _)| !is_known(key)) {
            let place = format!("{key} ({})", scalar.origin);
            // A scalar where a section belongs is not a spelling mistake.
            let section = format!("{key}.");
            let mut inside = known.clone().filter(|known| known.starts_with(&section)).peekable();
            let is_section = inside.peek().is_some();
            // An empty text in place of a section (contract 2.2.4) says nothing.
            if is_section && scalar.text.is_empty() {
                continue;
            }
            let reason = if is_section {
                format!("is a section, not a value; known: {}", inside.collect::<Vec<_>>().join(", "))
            } else {
                format!("unknown key; {}", names::suggestion(key, known.clone(), str::to_owned))
            };
            unknown.push(Problem { place, reason });
        }
        let set = self.sources.env.iter().filter(|(name, text)| {
            !text.is_empty() && !names::is_service_link(name, text) && !self.variables.contains(*name)
        });
        for (name, _) in set {
            if let Some(key) = names::key_of(name) {
                if !known.clone().any(|known| names::variable_of(known) == *name) {
                    let suggestion = names::suggestion(&key, known.clone(), names::variable_of);
                    let reason = format!("unknown; {suggestion}");
                    unknown.push(Problem { place: format!("variable {name}"), reason });
                }
            } else if let Some(prefix) = self.prefixes.iter().find(|prefix| name.starts_with(*prefix)) {
                let suggestion = names::variable_suggestion(name, prefix, &self.variables);
                self.warnings.push(format!("variable {name} ignored: unknown; {suggestion}"));
            }
        }
        for (name, _) in self.sources.set.iter().filter(|(name, _)| self.settings.get(name).is_none()) {
            let reason = format!("unknown key; {}", names::suggestion(name, known.clone(), str::to_owned));
            unknown.push(Problem { place: format!("--set {name}"), reason });
        }
        self.problems.append(&mut unknown);
    }
}

/// One key on its way through the layers.
#[derive(Debug)]
#[must_use = "a key is read by `or`"]
pub struct Key<'r, 's> {
    reader: &'r mut Reader<'s>,
    name: &'static str,
    about: &'static str,
    above_file: &'static [Legacy],
    in_file: &'static [Legacy],
    below_file: &'static [Legacy],
    /// What the names of these variables begin with, and what they end with.
    of_service: Option<[String; 2]>,
    live: bool,
}

impl Key<'_, '_> {
    /// What the key means, for a reference: Markdown.
    pub fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    /// Legacy variables that win over the file; the first one set counts.
    pub fn above_file(self, above_file: &'static [Legacy]) -> Self {
        Self { above_file, ..self }
    }

    /// Other names that the key may have in the file. An empty text there says nothing.
    pub fn in_file(self, in_file: &'static [Legacy]) -> Self {
        Self { in_file, ..self }
    }

    /// Variables named after the service, which win over all of [`above_file`](Self::above_file): `<service>__<suffix>`
    /// as it is, and then in capitals with `_` for what a shell does not take in a name (contract 2.2.6).
    pub fn of_service(self, service: &str, suffix: &str) -> Self {
        Self { of_service: Some([format!("{service}__"), suffix.to_owned()]), ..self }
    }

    /// Variables that give a start value which the file overrides; the first one set counts.
    pub fn below_file(self, below_file: &'static [Legacy]) -> Self {
        Self { below_file, ..self }
    }

    /// A change of the file takes effect without a restart.
    pub fn live(self) -> Self {
        Self { live: true, ..self }
    }

    /// The value in force, or `default`. Layers that are overridden are parsed as well, so that one run shows
    /// every problem.
    pub fn or<T: Value>(mut self, default: T) -> T {
        let (default, mut value) = (default.text(), default);
        let mut origin = "default".to_owned();
        let names = self.names();
        self.lenient(self.below_file, &mut value, &mut origin);
        self.file(&mut value, &mut origin);
        self.lenient(self.above_file, &mut value, &mut origin);
        let sources = self.reader.sources;
        for [prefix, suffix] in self.of_service.take().iter().flat_map(names::of_service) {
            let name = format!("{prefix}{suffix}");
            if let Some(said) = sources.variable(&name) {
                self.variable(Found::of(&name, said), &mut value, &mut origin);
                break;
            }
        }
        let variable = names::variable_of(self.name);
        if let Some(text) = self.reader.sources.variable(&variable) {
            self.strict(text, format!("variable {variable}"), &mut value, &mut origin);
        }
        let key = self.name;
        for (_, text) in sources.set.iter().filter(|(name, _)| name == key) {
            self.strict(text, "--set".to_owned(), &mut value, &mut origin);
        }
        let setting = Setting {
            value: value.text(),
            origin,
            live: self.live,
            is_string: T::STRING,
            default,
            write: T::WRITE,
            about: self.about,
            names,
        };
        self.reader.settings.insert(self.name, setting);
        value
    }

    /// The other names of the key, which are known from now on.
    fn names(&mut self) -> Names {
        let of =
            |layer: &[Legacy]| layer.iter().flat_map(Legacy::names).map(|name| (*name).to_owned()).collect();
        let mut variables: Vec<String> = of(self.above_file);
        variables.extend(of(self.below_file));
        self.reader.variables.extend(variables.iter().cloned());
        if let Some(both) = &self.of_service {
            for [prefix, suffix] in names::of_service(both) {
                self.reader.variables.insert(format!("{prefix}{suffix}"));
                self.reader.prefixes.insert(prefix);
            }
            variables.insert(0, format!("<SERVICE>__{}", both[1]));
        }
        Names { variables, in_file: of(self.in_file) }
    }

    fn strict<T: Value>(&mut self, text: &str, place: String, value: &mut T, origin: &mut String) {
        match T::parse(text) {
            Some(parsed) => (*value, *origin) = (parsed, place),
            None => self.reader.problem(format!("{} ({place})", self.name), T::refusal(text)),
        }
    }

    /// The file's own value: under our name or under one of another convention.
    fn file<T: Value>(&mut self, value: &mut T, origin: &mut String) {
        let mut found: Vec<(Found, bool, String)> = Vec::new();
        if let Some(Scalar { text, is_string, origin }) = self.reader.file.get(self.name) {
            found.push((Found::of(self.name, text), *is_string, origin.clone()));
        }
        for legacy in self.in_file {
            self.reader.accepted.extend(legacy.names());
            let scalar = |name: &str| self.reader.file.get(name).filter(|scalar| !scalar.text.is_empty());
            if let Some(one) = legacy.find(|name| scalar(name).map(|scalar| scalar.text.as_str())) {
                let is_string = !one.is_ours || scalar(&one.name).is_some_and(|scalar| scalar.is_string);
                let place = legacy.names().iter().find_map(|name| scalar(name));
                found.push((one, is_string, place.map(|scalar| scalar.origin.clone()).unwrap_or_default()));
            }
        }
        if let [(.., place), _, ..] = &*found {
            let names: Vec<&str> = found.iter().map(|(one, ..)| one.name.as_str()).collect();
            self.reader.problem(
                format!("{} ({place})", names.join(" and ")),
                format!("all of them are {}; keep one", self.name),
            );
        }
        let Some((Found { name, said, text, .. }, is_string, place)) = found.into_iter().next() else {
            return;
        };
        let place = if name == self.name { place } else { format!("{name} in {place}") };
        if T::STRING && !is_string {
            // Not repeated: it may be a password.
            let reason = "is a number or a truth value, not a text; put it in quotes";
            self.reader.problem(format!("{} ({place})", self.name), reason);
            return;
        }
        match T::parse(&text) {
            Some(parsed) => (*value, *origin) = (parsed, place),
            None => self.reader.problem(format!("{} ({place})", self.name), T::refusal(&said)),
        }
    }

    fn lenient<T: Value>(&mut self, variables: &[Legacy], value: &mut T, origin: &mut String) {
        let sources = self.reader.sources;
        let found = variables.iter().find_map(|legacy| legacy.find(|name| sources.variable(name)));
        if let Some(found) = found {
            self.variable(found, value, origin);
        }
    }

    /// A variable that somebody else may have set.
    fn variable<T: Value>(&mut self, found: Found, value: &mut T, origin: &mut String) {
        let Found { name, said, text, .. } = found;
        if let Some(parsed) = T::parse(&text) {
            (*value, *origin) = (parsed, format!("variable {name}"));
        } else {
            let (refusal, kept) = (T::refusal(&said), value.text());
            self.reader.warn(format!("variable {name} ignored: {refusal}; {} stays {kept}", self.name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Count, *};

    const PLATFORM: &[Legacy] = &[Legacy::same("FIRST"), Legacy::same("SECOND")];

    fn workers(sources: &Sources) -> Result<Loaded<Count>, ConfigError> {
        load(sources, |reader| reader.key("server.workers").below_file(PLATFORM).or(Count::new(4)))
    }

    fn with_file(text: &str) -> (tempfile::TempDir, Sources) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("service.yaml");
        std::fs::write(&path, text).unwrap();
        (dir, Sources::default().with_file(path))
    }

    #[test]
    fn later_layers_win() {
        let (_dir, file) = with_file("server: {workers: 5}");
        let platform = Sources::default().with_env([("SECOND", "3")]);
        assert_eq!(workers(&Sources::default()).unwrap().config, Count::new(4));
        assert_eq!(workers(&platform).unwrap().config, Count::new(3));
        assert_eq!(workers(&file.clone().with_env([("FIRST", "3")])).unwrap().config, Count::new(5));
        let canonical = file.with_env([("CHASSIS_SERVER__WORKERS", "6")]);
        assert_eq!(workers(&canonical).unwrap().config, Count::new(6));
        let flag = Sources { set: vec![("server.workers".to_owned(), "7".to_owned())], ..canonical };
        assert_eq!(workers(&flag).unwrap().config, Count::new(7));
    }

    #[test]
    fn the_live_file_beside_the_file_wins_over_it_and_is_named() {
        let (dir, file) = with_file("server: {workers: 5}");
        let live = dir.path().join("live.yaml");
        std::fs::write(&live, "server: {workers: 9}").unwrap();
        let loaded = workers(&file).unwrap();
        assert_eq!(loaded.config, Count::new(9));
        let origin = format!("file {}", live.display());
        assert_eq!(loaded.settings.get("server.workers").unwrap().origin, origin);
        let canonical = file.clone().with_env([("CHASSIS_SERVER__WORKERS", "6")]);
        assert_eq!(workers(&canonical).unwrap().config, Count::new(6));
        std::fs::write(&live, "server: {workers: many, worker: 1}").unwrap();
        let error = workers(&file).unwrap_err().to_string();
        for place in ["server.workers", "server.worker"] {
            assert!(error.contains(&format!("{place} ({origin})")), "{error}");
        }
        assert_eq!(
            workers(&Sources::default()).unwrap().config,
            Count::new(4),
            "beside no file there is none"
        );
    }

    #[test]
    fn a_bad_legacy_value_is_a_warning_and_the_layer_below_stays() {
        let loaded = workers(&Sources::default().with_env([("FIRST", "many")])).unwrap();
        assert_eq!(loaded.config, Count::new(4));
        assert_eq!(
            loaded.warnings,
            [
                "variable FIRST ignored: \"many\" is not valid; write a whole number from 1 to 1024, for example 4; server.workers stays 4"
            ]
        );
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let (_dir, sources) = with_file("server: {worker: 5, workers: many}\nzebra: 1");
        let error =
            workers(&sources.with_env([("CHASSIS_SERVER__WORKERS", "0"), ("CHASSIS_SERVER_WORKERS", "3")]))
                .unwrap_err();
        let text = error.to_string();
        assert_eq!(error.problems.len(), 5, "{text}");
        for part in [
            "server.worker (file",
            "unknown key; did you mean server.workers?",
            "\"many\" is not valid; write a whole number",
            "zebra (file",
            "unknown key; known sections: server",
            "server.workers (variable CHASSIS_SERVER__WORKERS): \"0\" is not valid",
            "variable CHASSIS_SERVER_WORKERS: unknown; did you mean CHASSIS_SERVER__WORKERS?",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }

    #[test]
    fn a_file_that_is_no_mapping_says_so() {
        for (text, reason) in [
            ("- 1", "is not a YAML mapping"),
            ("server: [", "is not valid YAML"),
            ("server: {workers: }", "server.workers has no value"),
            ("server: {workers: [1]}", "must be a single value"),
            ("server: 3", "is a section, not a value; known: server.workers"),
            ("server: {workers: 3}\nserver: {workers: 4}", "duplicate"),
        ] {
            let (_dir, sources) = with_file(text);
            let error = workers(&sources).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
        let (_dir, empty) = with_file("# nothing yet\n");
        assert_eq!(workers(&empty).unwrap().config, Count::new(4));
    }

    #[test]
    fn a_text_that_yaml_reads_as_a_number_has_to_be_quoted() {
        let read = |reader: &mut Reader| reader.key("service.version").or("N/A".to_owned());
        let (_dir, bare) = with_file("service: {version: 1.10}");
        assert!(load(&bare, read).unwrap_err().to_string().contains("put it in quotes"));
        let (_dir, quoted) = with_file("service: {version: '1.10'}");
        assert_eq!(load(&quoted, read).unwrap().config, "1.10");
    }
}

//! A file that configures the log alone (contract 1.5.29): `logging.config_file`, in the shapes that Python's `logging`
//! has for it. INI has sections `logger_root`, `handler_NAME`; TOML and YAML the same as tables `root`, `handlers.NAME`.
//!
//! What is taken from it: the root logger's level, its handlers that write to standard output or to a file, with the
//! file's name, size and number, and a formatter that is called like one of our formats. Everything else is told by
//! name.

use std::{
    fs,
    path::{Path, PathBuf},
};

use chassis_config::{ByteSize, Count, Optional, OrNone, Value};
use serde_json::{Map, Value as Json};

use super::{Level, LogFormat};

/// What a file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct LogFile {
    pub level: Option<Level>,
    pub format: Option<LogFormat>,
    pub file: Option<Optional>,
    pub file_format: Option<LogFormat>,
    pub file_size: Option<ByteSize>,
    pub file_count: Option<Count>,
    /// What is in it and has no effect, with the reason.
    pub unused: Vec<String>,
}

/// `logging.config_file`: a file that was read.
#[derive(Debug)]
pub(super) struct LogConfig {
    pub path: PathBuf,
    pub told: LogFile,
}

impl OrNone for LogConfig {
    const WRITE: &'static str = "the path of a TOML, YAML or INI file of Python's logging, or none";

    fn parse(text: &str) -> Option<Self> {
        let path = PathBuf::from(text.trim());
        let told = LogFile::read(&path).ok()?;
        Some(Self { path, told })
    }

    fn text(&self) -> String {
        self.path.display().to_string()
    }

    fn refusal(text: &str) -> String {
        let reason = LogFile::read(Path::new(text.trim())).err().unwrap_or_default();
        format!("{text} {reason}; write {}", Self::WRITE)
    }
}

type Table = Map<String, Json>;

impl LogFile {
    /// Reads `path`; the error says what is wrong with it as a whole.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let table = match extension {
            "toml" => {
                toml::from_str(&text).map_err(|error| format!("is not valid TOML: {}", error.message()))?
            }
            "yaml" | "yml" => {
                serde_yaml::from_str(&text).map_err(|error| format!("is not valid YAML: {error}"))?
            }
            "ini" | "conf" | "cfg" => ini(&text)?,
            _ => return Err("has another ending than .toml, .yaml, .yml, .ini, .conf or .cfg".to_owned()),
        };
        Ok(Self::of(table))
    }

    fn of(mut table: Table) -> Self {
        let mut told = Self::default();
        let mut root = take_table(&mut table, "root");
        // They choose between versions of Python's format and say nothing to us.
        for name in ["version", "disable_existing_loggers", "incremental"] {
            table.remove(name);
        }
        told.level = told.take(&mut root, "root", "level");
        let mut handlers = take_table(&mut table, "handlers");
        for name in names(root.remove("handlers")) {
            match handlers.remove(&name) {
                Some(Json::Object(handler)) => told.handler(&name, handler),
                _ => told.unused.push(format!("root.handlers: there is no handler {name}")),
            }
        }
        told.leftover("root", &root);
        let unnamed: Vec<_> =
            handlers.keys().map(|name| format!("handlers.{name}: the root logger has it not")).collect();
        told.unused.extend(unnamed);
        let mut formatters = take_table(&mut table, "formatters");
        formatters.retain(|name, _| LogFormat::parse(name).is_none());
        told.leftover("formatters", &formatters);
        told.leftover("", &table);
        told
    }

    fn handler(&mut self, name: &str, mut handler: Table) {
        let place = format!("handlers.{name}");
        let class = handler.remove("class");
        let class = class.as_ref().and_then(Json::as_str).unwrap_or_default();
        let class = class.rsplit('.').next().unwrap_or_default();
        let mut args = arguments(handler.remove("args").as_ref()).into_iter();
        match class {
            "StreamHandler" => {
                self.format = self.take(&mut handler, &place, "formatter").or(self.format);
                let stream = handler.remove("stream").and_then(|stream| Some(stream.as_str()?.to_owned()));
                if let Some(stream) = stream.or(args.next()).filter(|stream| !stream.ends_with("sys.stdout"))
                {
                    self.unused.push(format!("{place}: lines go to standard output, not to {stream}"));
                }
            }
            "FileHandler" | "RotatingFileHandler" => {
                for (argument, key) in args.by_ref().zip(["filename", "mode", "maxBytes", "backupCount"]) {
                    handler.insert(key.to_owned(), argument.into());
                }
                handler.remove("mode");
                self.file = self.take(&mut handler, &place, "filename");
                self.file_format = self.take(&mut handler, &place, "formatter");
                self.file_size = self.take(&mut handler, &place, "maxBytes");
                self.file_count = self.take(&mut handler, &place, "backupCount");
            }
            _ => return self.unused.push(format!("{place}: of its class {class:?} there is nothing here")),
        }
        self.leftover(&place, &handler);
    }

    /// The value of `key`, told when it is not one of ours.
    fn take<T: Value>(&mut self, table: &mut Table, place: &str, key: &str) -> Option<T> {
        let value = table.remove(key)?;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let parsed = T::parse(&text);
        if parsed.is_none() {
            self.unused.push(format!("{place}.{key}: {}", T::refusal(&text)));
        }
        parsed
    }

    fn leftover(&mut self, place: &str, table: &Table) {
        let dot = if place.is_empty() { "" } else { "." };
        self.unused.extend(table.keys().map(|key| format!("{place}{dot}{key}: has no effect here")));
    }
}

fn take_table(table: &mut Table, key: &str) -> Table {
    match table.remove(key) {
        Some(Json::Object(inner)) => inner,
        _ => Table::new(),
    }
}

/// A list, or a text with commas.
fn names(value: Option<Json>) -> Vec<String> {
    match value {
        Some(Json::Array(items)) => items.iter().filter_map(|item| Some(item.as_str()?.to_owned())).collect(),
        Some(Json::String(text)) => {
            text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
        }
        _ => Vec::new(),
    }
}

/// `('info.log', 'a', 1024000, 10)`: numbers, texts without commas, and names.
fn arguments(value: Option<&Json>) -> Vec<String> {
    let tuple = value.and_then(Json::as_str).unwrap_or_default();
    let inside = tuple.trim().trim_start_matches('(').trim_end_matches(')');
    let argument = |text: &str| text.trim().trim_matches(['\'', '"']).to_owned();
    inside.split(',').map(argument).filter(|argument| !argument.is_empty()).collect()
}

/// Sections of an INI file as the tables of the other shapes.
fn ini(text: &str) -> Result<Table, String> {
    let mut table = Table::new();
    let mut section: Vec<String> = Vec::new();
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = place_of(name.trim());
            continue;
        }
        let (key, value) = line.split_once('=').filter(|_| !section.is_empty()).ok_or_else(|| {
            format!("is not valid INI: line {number} is neither [SECTION], nor KEY=VALUE within one")
        })?;
        let mut inner = &mut table;
        for name in &section {
            let entry = inner.entry(name.as_str()).or_insert_with(|| Table::new().into());
            let Json::Object(next) = entry else { return Err(format!("has two meanings of [{name}]")) };
            inner = next;
        }
        inner.insert(key.trim().to_owned(), value.trim().into());
    }
    // They only list the other sections.
    for list in ["loggers", "handlers", "formatters"] {
        if let Some(Json::Object(inner)) = table.get_mut(list) {
            inner.remove("keys");
        }
    }
    table.retain(|_, value| value.as_object().is_none_or(|inner| !inner.is_empty()));
    Ok(table)
}

/// `handler_console` -> `handlers.console`
fn place_of(section: &str) -> Vec<String> {
    match section.split_once('_') {
        Some(("logger", "root")) => vec!["root".to_owned()],
        Some((kind @ ("logger" | "handler" | "formatter"), name)) => {
            vec![format!("{kind}s"), name.to_owned()]
        }
        _ => vec![section.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the document has it.
    const INI: &str = "[loggers]\nkeys=root\n\n[handlers]\nkeys=console\n\n[formatters]\nkeys=simple\n\n\
        [logger_root]\nlevel=INFO\nhandlers=console\n\n[handler_console]\nclass=StreamHandler\nlevel=INFO\n\
        formatter=simple\nargs=(sys.stdout,)\n\n[formatter_simple]\nformat=%(asctime)s: %(message)s\n";

    const TOML: &str = "version = 1\n[root]\nlevel = 'WARN'\nhandlers = ['out', 'file']\n\
        [handlers.out]\nclass = 'logging.StreamHandler'\nformatter = 'brief'\nstream = 'ext://sys.stdout'\n\
        [handlers.file]\nclass = 'logging.handlers.RotatingFileHandler'\nfilename = 'logs/info.log'\n\
        maxBytes = 5000\nbackupCount = 3\nformatter = 'json-es'\n[formatters.brief]\nformat = 'x'\n";

    fn read(name: &str, text: &str) -> Result<LogFile, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        LogFile::read(&path)
    }

    /// contract 1.5.29
    #[test]
    fn the_document_s_file_gives_its_level_and_tells_the_rest() {
        let file = read("logging_config.ini", INI).unwrap();
        assert_eq!(file.level, Some(Level::Info));
        let formatter = "handlers.console.formatter: \"simple\" is not valid; write cst, pymicro, ";
        let told = ["handlers.console.level: has no effect here", "formatters.simple: has no effect here"];
        assert!(file.unused[0].starts_with(formatter), "{:?}", file.unused);
        assert_eq!(file.unused[1..], told);
    }

    #[test]
    fn tables_say_the_same() {
        let wanted = LogFile {
            level: Some(Level::Warning),
            format: Some(LogFormat::Brief),
            file: Optional::parse("logs/info.log"),
            file_format: Some(LogFormat::JsonEs),
            file_size: Some(ByteSize(5000)),
            file_count: Some(Count::new(3)),
            unused: Vec::new(),
        };
        assert_eq!(read("logging.toml", TOML).unwrap(), wanted);
        let yaml = serde_yaml::to_string(&toml::from_str::<Json>(TOML).unwrap()).unwrap();
        assert_eq!(read("logging.yaml", &yaml).unwrap(), wanted);
        let ini = "[logger_root]\nlevel=WARN\nhandlers=out,file\n[handler_out]\nclass=StreamHandler\n\
            formatter=brief\n[handler_file]\nclass=handlers.RotatingFileHandler\nformatter=json-es\n\
            args=('logs/info.log', 'a', 5000, 3)\n";
        assert_eq!(read("logging.ini", ini).unwrap(), wanted);
    }

    #[test]
    fn what_has_no_effect_is_told_by_name() {
        let text = "root: {level: LOUD, handlers: [out, mail, none], propagate: true}\n\
            handlers:\n  out: {class: StreamHandler, stream: ext://sys.stderr}\n  mail: {class: SMTPHandler}\n  \
            other: {class: StreamHandler}\nloggers: {sanic: {level: DEBUG}}\n";
        let told = read("l.yml", text).unwrap().unused;
        for part in [
            "root.level: \"LOUD\" is not valid; write one of DEBUG",
            "handlers.out: lines go to standard output, not to ext://sys.stderr",
            "handlers.mail: of its class \"SMTPHandler\" there is nothing here",
            "root.handlers: there is no handler none",
            "root.propagate: has no effect here",
            "handlers.other: the root logger has it not",
            "loggers: has no effect here",
        ] {
            assert!(told.iter().any(|line| line.starts_with(part)), "{part} is not in {told:#?}");
        }
        assert_eq!(told.len(), 7);
    }

    #[test]
    fn a_file_that_is_none_is_refused_as_a_whole() {
        for (name, text, reason) in [
            ("l.ini", "level=INFO", "line 1 is neither"),
            ("l.toml", "level=", "is not valid TOML"),
            ("l.yaml", "- a", "is not valid YAML"),
            ("l.json", "{}", "has another ending than .toml"),
        ] {
            let error = read(name, text).unwrap_err();
            assert!(error.contains(reason), "{name}: {error}");
        }
    }
}

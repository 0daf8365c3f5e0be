//! The formats of a line, chosen by `logging.format` and `logging.file_format`.

use std::{
    fmt::{self, Write},
    fs,
};

use super::{json, record::Record, text};
use crate::config::LogFormat;

/// A format with what it says of the process.
pub(super) struct Format {
    kind: LogFormat,
    hostname: String,
    index: String,
}

impl Format {
    pub(super) fn new(kind: LogFormat, index: &str) -> Self {
        let known = std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty());
        let hostname =
            known.or_else(|| fs::read_to_string("/proc/sys/kernel/hostname").ok()).unwrap_or_default();
        Self { kind, hostname: hostname.trim().to_owned(), index: index.to_owned() }
    }

    /// Appends `record` without a line break; whatever it says, it is one line.
    pub(super) fn write(&self, record: &Record, line: &mut String) {
        let begin = line.len();
        let (written, escape): (_, Escape) = match self.kind {
            LogFormat::Cst => (text::cst(record, &self.index, line), text::escape),
            LogFormat::Pymicro => (text::pymicro(record, line), text::escape),
            LogFormat::Brief => (text::brief(record, line), text::escape),
            LogFormat::JsonDev => (json::dev(record, line), json::escape),
            LogFormat::JsonProd => (json::prod(record, line), json::escape),
            LogFormat::JsonEs => (json::es(record, &self.hostname, &self.index, line), json::escape),
        };
        // Writing to a string does not fail.
        debug_assert!(written.is_ok());
        one_line(line, begin, escape);
    }
}

/// Writes a character so that it has no effect.
type Escape = fn(char, &mut String) -> fmt::Result;

/// Texts of others (a path, an error) must not look like lines of ours, nor steer a terminal.
fn one_line(line: &mut String, begin: usize, escape: Escape) {
    if line[begin..].contains(is_harmful) {
        let mut harmless = String::with_capacity(line.len() - begin + 8);
        for c in line[begin..].chars() {
            let written = if is_harmful(c) { escape(c, &mut harmless) } else { harmless.write_char(c) };
            debug_assert!(written.is_ok());
        }
        line.truncate(begin);
        line.push_str(&harmless);
    }
}

/// Control characters, and what else ends a line for some readers.
fn is_harmful(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn record() -> Record {
        Record {
            time: "2026-01-31T12:34:56.789012Z".parse().unwrap(),
            level: "WARNING",
            level_number: 30,
            operation_id: None,
            logger: "service::message",
            module: "service::message::routes",
            file: "routes.rs",
            line: 42,
            message: "over \"there\" \u{e9}\nfake".to_owned(),
            fields: vec![("path", json!("/x")), ("status", json!(200))],
        }
    }

    fn line(kind: LogFormat, record: &Record) -> String {
        let mut line = String::new();
        Format { kind, hostname: "pod-1".to_owned(), index: "users".to_owned() }.write(record, &mut line);
        assert!(!line.contains(is_harmful), "{line}");
        line
    }

    fn written(kind: LogFormat) -> String {
        line(kind, &record())
    }

    #[test]
    fn whatever_character_a_text_has_the_line_is_one_and_valid() {
        for c in ('\0'..=char::MAX).filter(|c| is_harmful(*c) || u32::from(*c) % 251 == 0 || c.is_ascii()) {
            let text = format!("a{c}b");
            let record = Record { message: text.clone(), fields: vec![("path", json!(text))], ..record() };
            for kind in [LogFormat::Cst, LogFormat::Pymicro, LogFormat::Brief] {
                line(kind, &record);
            }
            for kind in [LogFormat::JsonDev, LogFormat::JsonProd, LogFormat::JsonEs] {
                let parsed: Value = serde_json::from_str(&line(kind, &record)).unwrap();
                assert_eq!((&parsed["message"], &parsed["path"]), (&json!(text), &json!(text)), "{c:?}");
            }
        }
    }

    fn parsed(format: LogFormat) -> Value {
        serde_json::from_str(&written(format)).unwrap()
    }

    /// contract 4.2.6
    #[test]
    fn cst_has_time_level_operation_and_app() {
        let expected = "2026-01-31 12:34:56,789 [WARNING][No operation_id] users: \
            over \"there\" \u{e9}\\nfake path=\"/x\" status=200";
        assert_eq!(written(LogFormat::Cst), expected);
    }

    /// contract 1.5.29
    #[test]
    fn pymicro_has_thread_file_function_and_line() {
        let line = written(LogFormat::Pymicro);
        let (time, rest) = line.split_once("-[").unwrap();
        assert_eq!(time, "2026-01-31 12:34:56,789");
        let (thread, rest) = rest.split_once("][").unwrap();
        assert!(thread.contains("pymicro_has_thread"), "{thread}");
        let (id, rest) = rest.split_once("]-").unwrap();
        assert!(u64::from_str_radix(id, 16).is_ok(), "{id}");
        let expected = "routes.rs-service::message-service::message::routes-WARNING-42: \
            over \"there\" \u{e9}\\nfake path=\"/x\" status=200 operation_id=\"No operation_id\"";
        assert_eq!(rest, expected);
    }

    /// contract 2.3.11
    #[test]
    fn brief_has_level_and_message() {
        assert_eq!(
            written(LogFormat::Brief),
            "WARNING - over \"there\" \u{e9}\\nfake path=\"/x\" status=200"
        );
    }

    /// contract 2.3.12
    #[test]
    fn json_dev_has_the_fields_of_the_dev_build() {
        let expected = json!({
            "datetime": "2026-01-31 12:34:56,789", "fileName": "routes.rs", "levelName": "WARNING",
            "message": "over \"there\" \u{e9}\nfake", "operationId": "No operation_id",
            "path": "/x", "status": 200,
        });
        assert_eq!(parsed(LogFormat::JsonDev), expected);
    }

    /// contract 2.3.13
    #[test]
    fn json_prod_has_more_and_all_of_it_as_texts() {
        let expected = json!({
            "datetime": "2026-01-31 12:34:56,789", "fileName": "routes.rs",
            "logRecordCreationTime": "1769862896.789012", "functionName": "service::message::routes",
            "levelNo": "30", "lineNo": "42", "time": "789", "levelName": "WARNING",
            "message": "over \"there\" \u{e9}\nfake", "operationId": "No operation_id",
            "path": "/x", "status": "200",
        });
        assert_eq!(parsed(LogFormat::JsonProd), expected);
    }

    /// contract 5.8.31
    #[test]
    fn json_es_is_what_elasticsearch_takes() {
        let expected = json!({
            "@timestamp": "2026-01-31T12:34:56.789Z", "@version": 1, "hostname": "pod-1", "index": "users",
            "document_type": "service::message", "level": "WARNING",
            "message": "over \"there\" \u{e9}\nfake", "operation_id": "No operation_id",
            "path": "/x", "status": 200,
        });
        assert_eq!(parsed(LogFormat::JsonEs), expected);
        assert!(written(LogFormat::JsonEs).contains('\u{e9}'), "kept as it is");
    }
}

//! How log lines look, and which there are.

use chassis_config::Value;
use serde::Serialize;

/// Names of the contract (4.2.7), as Python has them: `WARN` and `FATAL` are `WARNING` and `CRITICAL`. No line of the
/// service is critical: with this level it is silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Level {
    Debug,
    Info,
    Warning,
    Error,
    Critical,
}

impl Value for Level {
    const WRITE: &'static str = "one of DEBUG, INFO, WARNING, ERROR, CRITICAL";

    fn parse(text: &str) -> Option<Self> {
        Some(match text.trim().to_ascii_uppercase().as_str() {
            "DEBUG" => Self::Debug,
            "INFO" => Self::Info,
            "WARN" | "WARNING" => Self::Warning,
            "ERROR" => Self::Error,
            "CRITICAL" | "FATAL" => Self::Critical,
            _ => return None,
        })
    }

    fn text(&self) -> String {
        format!("{self:?}").to_ascii_uppercase()
    }
}

/// How log lines look (contract section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum LogFormat {
    /// `2026-01-31 12:00:00,000 [INFO][No operation_id] logger: message` (contract 4.2.6).
    Cst,
    /// `2026-01-31 12:00:00,000-[thread][1]-file.rs-logger-module-INFO-42: message` (contract 1.5.29).
    Pymicro,
    /// `INFO - message` (contract 2.3.11).
    Brief,
    /// A JSON object with few members (contract 2.3.12).
    JsonDev,
    /// A JSON object with more members, all of them texts (contract 2.3.13).
    JsonProd,
    /// A JSON object for Elasticsearch (contract 5.8.31).
    JsonEs,
}

impl LogFormat {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Cst, "cst"),
        (Self::Pymicro, "pymicro"),
        (Self::Brief, "brief"),
        (Self::JsonDev, "json-dev"),
        (Self::JsonProd, "json-prod"),
        (Self::JsonEs, "json-es"),
    ];
}

impl Value for LogFormat {
    const WRITE: &'static str = "cst, pymicro, brief, json-dev, json-prod or json-es";

    fn parse(text: &str) -> Option<Self> {
        let text = match text.trim().to_ascii_lowercase().as_str() {
            "text" => "cst".to_owned(),
            "json" => "json-es".to_owned(),
            text => text.to_owned(),
        };
        Self::ALL.into_iter().find(|(_, name)| *name == text).map(|(format, _)| format)
    }

    fn text(&self) -> String {
        let name = Self::ALL.into_iter().find(|(format, _)| format == self).map_or("", |(_, name)| name);
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_formats_have_names_and_two_of_them_short_ones() {
        for (format, name) in LogFormat::ALL {
            assert_eq!((LogFormat::parse(name), format.text().as_str()), (Some(format), name));
        }
        assert_eq!(LogFormat::parse("TEXT"), Some(LogFormat::Cst));
        assert_eq!(LogFormat::parse("json"), Some(LogFormat::JsonEs));
        assert_eq!(LogFormat::parse("xml"), None);
    }
}

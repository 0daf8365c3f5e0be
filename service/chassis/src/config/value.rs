//! Typed values: how they are written, and what to write when they are wrong.

use std::{fmt, num::NonZeroU32, time::Duration};

use serde::Serialize;

/// A type a key can have.
pub trait Value: Sized {
    /// Completes the sentence "write ...".
    const WRITE: &'static str;
    /// Whether the file must hold a YAML string: a number would have lost its spelling (`1.10`).
    const STRING: bool = false;
    /// `None` when `text` is not one of these.
    fn parse(text: &str) -> Option<Self>;
    /// The canonical spelling; [`Value::parse`] reads it back.
    fn text(&self) -> String;
    /// Why `text` was refused and what to write instead.
    fn refusal(text: &str) -> String {
        format!("{text:?} is not valid; write {}", Self::WRITE)
    }
}

impl Value for String {
    const WRITE: &'static str = "a text in quotes, not empty";
    const STRING: bool = true;

    fn parse(text: &str) -> Option<Self> {
        (!text.trim().is_empty()).then(|| text.to_owned())
    }

    fn text(&self) -> String {
        self.clone()
    }
}

/// A text that may be missing: `""`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Optional(Option<String>);

impl Optional {
    /// Missing.
    pub const NONE: Self = Self(None);

    /// The text, if there is one.
    pub fn get(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl Value for Optional {
    const WRITE: &'static str = "a text in quotes";
    const STRING: bool = true;

    fn parse(text: &str) -> Option<Self> {
        Some(Self(Some(text.trim().to_owned()).filter(|text| !text.is_empty())))
    }

    fn text(&self) -> String {
        self.0.clone().unwrap_or_default()
    }
}

impl Value for bool {
    const WRITE: &'static str = "true or false";

    fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

/// 1 to 1024 of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count(NonZeroU32);

impl Count {
    const MAX: u32 = 1024;

    /// `value`, brought into 1..=1024.
    pub const fn new(value: u32) -> Self {
        let value = if value > Self::MAX { Self::MAX } else { value };
        match NonZeroU32::new(value) {
            Some(value) => Self(value),
            None => Self(NonZeroU32::MIN),
        }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl Value for Count {
    const WRITE: &'static str = "a whole number from 1 to 1024, for example 4";

    fn parse(text: &str) -> Option<Self> {
        let value: u32 = text.trim().parse().ok()?;
        (1..=Self::MAX).contains(&value).then(|| Self::new(value))
    }

    fn text(&self) -> String {
        self.0.to_string()
    }
}

/// A duration that may be zero: `500ms`, `60s`, `5m`, `1h`; a bare number is seconds (contract 0b.13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl Value for Span {
    const WRITE: &'static str = "a duration such as 500ms, 60s, 5m or 1h; a bare number is seconds";

    fn parse(text: &str) -> Option<Self> {
        /// Longer is a slip, and would overflow clocks further down.
        const LONGEST: f64 = 365.0 * 86_400.0;
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let scale = match unit.trim_start() {
            "ms" => 0.001,
            "s" | "" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        let seconds = number.parse::<f64>().ok()? * scale;
        let duration = Duration::try_from_secs_f64(seconds).ok()?;
        (seconds <= LONGEST).then_some(Self(duration))
    }

    fn text(&self) -> String {
        let millis = self.0.as_millis();
        if millis.is_multiple_of(1000) { format!("{}s", millis / 1000) } else { format!("{millis}ms") }
    }
}

/// A duration longer than zero: the limit of something that takes time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timeout(pub Duration);

impl Timeout {
    /// That many seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl Value for Timeout {
    const WRITE: &'static str =
        "a duration longer than zero such as 500ms, 60s, 5m or 1h; a bare number is seconds";

    fn parse(text: &str) -> Option<Self> {
        Span::parse(text).filter(|span| span.0 >= Duration::from_millis(1)).map(|span| Self(span.0))
    }

    fn text(&self) -> String {
        Span(self.0).text()
    }
}

/// A number of bytes: `512`, `64Ki`, `1Mi`, `1Gi`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteSize(pub usize);

impl Value for ByteSize {
    const WRITE: &'static str = "a number of bytes such as 65536, 64Ki, 1Mi or 1Gi";

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let scale = match unit {
            "" => 1,
            "Ki" => 1 << 10,
            "Mi" => 1 << 20,
            "Gi" => 1 << 30,
            _ => return None,
        };
        number.parse::<usize>().ok()?.checked_mul(scale).map(Self)
    }

    fn text(&self) -> String {
        match self.0 {
            bytes if bytes > 0 && bytes.is_multiple_of(1 << 20) => format!("{}Mi", bytes >> 20),
            bytes if bytes > 0 && bytes.is_multiple_of(1 << 10) => format!("{}Ki", bytes >> 10),
            bytes => bytes.to_string(),
        }
    }
}

/// Names of the contract (4.2.7); `WARN` and `CRITICAL` are accepted spellings of `WARNING` and `ERROR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Level {
    Debug,
    Info,
    Warning,
    Error,
}

impl Value for Level {
    const WRITE: &'static str = "one of DEBUG, INFO, WARNING, ERROR, CRITICAL";

    fn parse(text: &str) -> Option<Self> {
        Some(match text.trim().to_ascii_uppercase().as_str() {
            "DEBUG" => Self::Debug,
            "INFO" => Self::Info,
            "WARN" | "WARNING" => Self::Warning,
            "ERROR" | "CRITICAL" => Self::Error,
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

/// What `GET /` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// 302 to `/static/index.html`.
    Docs,
    /// `{"code": 0, "data": "NAME service"}`
    Index,
}

impl Value for Root {
    const WRITE: &'static str = "docs or index";

    fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "docs" => Some(Self::Docs),
            "index" => Some(Self::Index),
            _ => None,
        }
    }

    fn text(&self) -> String {
        format!("{self:?}").to_ascii_lowercase()
    }
}

/// An absolute path without parameters; the leading slash may be left out (contract 4.1.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthPath(String);

impl Default for HealthPath {
    fn default() -> Self {
        Self("/status".to_owned())
    }
}

impl fmt::Display for HealthPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Value for HealthPath {
    const WRITE: &'static str = "a path such as /status, made of letters, digits and - _ . ~ / only";
    const STRING: bool = true;

    fn parse(text: &str) -> Option<Self> {
        let path = text.trim().trim_start_matches('/');
        let plain = path.chars().all(|c| c.is_ascii_alphanumeric() || "-_.~/".contains(c));
        (plain && !path.is_empty()).then(|| Self(format!("/{path}")))
    }

    fn text(&self) -> String {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// contract 0b.13
    #[test]
    fn durations_have_units_and_a_bare_number_is_seconds() {
        for (text, millis) in [
            ("500ms", 500),
            ("60s", 60_000),
            ("5m", 300_000),
            ("1h", 3_600_000),
            ("60", 60_000),
            ("0.5", 500),
            ("0s", 0),
        ] {
            assert_eq!(Span::parse(text), Some(Span(Duration::from_millis(millis))), "{text}");
        }
        for bad in ["", "s", "-1s", "1d", "1.2.3", "9999999h", "inf"] {
            assert_eq!(Span::parse(bad), None, "{bad}");
        }
        assert_eq!(Timeout::parse("0s"), None);
    }

    #[test]
    fn log_formats_have_names_and_two_of_them_short_ones() {
        for (format, name) in LogFormat::ALL {
            assert_eq!((LogFormat::parse(name), format.text().as_str()), (Some(format), name));
        }
        assert_eq!(LogFormat::parse("TEXT"), Some(LogFormat::Cst));
        assert_eq!(LogFormat::parse("json"), Some(LogFormat::JsonEs));
        assert_eq!(LogFormat::parse("xml"), None);
    }

    #[test]
    fn sizes_have_binary_suffixes() {
        for (text, bytes) in [("1Mi", 1 << 20), ("64Ki", 1 << 16), ("1Gi", 1 << 30), ("17", 17), ("0", 0)] {
            assert_eq!(ByteSize::parse(text), Some(ByteSize(bytes)), "{text}");
            assert_eq!(ByteSize::parse(&ByteSize(bytes).text()), Some(ByteSize(bytes)), "{text}");
        }
        for bad in ["", "1M", "1MB", "-1", "1.5Mi", "99999999999999999999Gi"] {
            assert_eq!(ByteSize::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn counts_stay_in_their_range() {
        assert_eq!(Count::parse("0"), None);
        assert_eq!(Count::parse("1025"), None);
        assert_eq!(Count::parse("4.0"), None);
        assert_eq!(Count::parse("1024"), Some(Count::new(1024)));
    }

    #[test]
    fn a_health_path_gets_its_slash_and_no_parameters() {
        assert_eq!(
            HealthPath::parse("my-custom-status").map(|p| p.text()),
            Some("/my-custom-status".to_owned())
        );
        for bad in ["", "/", "/{x}", "/a b", "/a?b"] {
            assert_eq!(HealthPath::parse(bad), None, "{bad}");
        }
    }
}

//! Typed values: how they are written, and what to write when they are wrong.
//!
//! Durations and sizes are read and written here: `humantime` takes no bare number (contract 0b.13) and writes 90 s as
//! `1m 30s`, `bytesize` takes `1MB` and writes `1.0 MiB`. Either would change what files may hold and what
//! `config print` shows, and the code around it would be longer than what it replaces.

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

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

/// A type whose key may be switched off: `none`.
pub trait OrNone: Sized {
    /// Completes the sentence "write ...", and ends with "or none".
    const WRITE: &'static str;
    /// `None` when `text` is not one of these.
    fn parse(text: &str) -> Option<Self>;
    /// The canonical spelling; [`OrNone::parse`] reads it back.
    fn text(&self) -> String;
    /// Why `text` was refused and what to write instead.
    fn refusal(text: &str) -> String {
        format!("{text:?} is not valid; write {}", Self::WRITE)
    }
}

impl<T: OrNone> Value for Option<T> {
    const WRITE: &'static str = T::WRITE;
    const STRING: bool = true;

    fn parse(text: &str) -> Option<Self> {
        if text.trim() == "none" { Some(None) } else { T::parse(text).map(Some) }
    }

    fn text(&self) -> String {
        self.as_ref().map_or("none".to_owned(), T::text)
    }

    fn refusal(text: &str) -> String {
        T::refusal(text)
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

/// A path, or nothing: `""`.
impl Value for Option<PathBuf> {
    const WRITE: &'static str = "a path in quotes";
    const STRING: bool = Optional::STRING;

    fn parse(text: &str) -> Option<Self> {
        Optional::parse(text).map(|path| path.get().map(PathBuf::from))
    }

    fn text(&self) -> String {
        self.as_ref().map_or_else(String::new, |path| path.display().to_string())
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

/// The port of another server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port(pub u16);

impl Value for Port {
    const WRITE: &'static str = "a port from 1 to 65535";

    fn parse(text: &str) -> Option<Self> {
        text.trim().parse().ok().filter(|port| *port > 0).map(Self)
    }

    fn text(&self) -> String {
        self.0.to_string()
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
}

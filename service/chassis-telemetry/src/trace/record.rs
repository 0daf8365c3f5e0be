//! A finished span.

use std::{
    borrow::Cow,
    fmt::{self, Write},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{
    ids::{SpanId, TraceId},
    kind::Kind,
};

/// Longer values are cut: a statement or a URL should fit, a document should not.
const LONGEST: usize = 4096;

/// What a collector is told.
#[derive(Debug)]
pub(super) struct Record {
    pub trace: TraceId,
    pub span: SpanId,
    pub parent: Option<SpanId>,
    pub name: Cow<'static, str>,
    pub kind: Kind,
    /// The tag `component`: the service, or the library that did the work.
    pub component: Cow<'static, str>,
    pub started: SystemTime,
    pub took: Duration,
    pub tags: Vec<(Cow<'static, str>, String)>,
    /// What went wrong.
    pub failure: Option<String>,
}

impl Record {
    /// Microseconds since 1970.
    pub(super) fn begin(&self) -> u64 {
        micros(self.started.duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    /// Microseconds, at least one: Zipkin takes 0 for "not known".
    pub(super) fn duration(&self) -> u64 {
        micros(self.took).max(1)
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// `value` as text of a bounded length.
pub(crate) fn bounded(value: &dyn fmt::Display) -> String {
    struct Bounded(String);
    impl Write for Bounded {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let room = LONGEST - self.0.len();
            self.0.push_str(&text[..text.floor_char_boundary(room)]);
            if text.len() > room { Err(fmt::Error) } else { Ok(()) }
        }
    }
    let mut text = Bounded(String::new());
    // The error only means that the rest is cut off.
    _ = write!(text, "{value}");
    text.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_cut_between_characters() {
        assert_eq!(bounded(&"short"), "short");
        let cut = bounded(&format!("x{}", "é".repeat(LONGEST)));
        assert_eq!(cut.len(), LONGEST - 1);
        assert!(cut.ends_with('é'));
    }
}

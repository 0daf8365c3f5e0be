//! Section `message`.

use std::time::Duration;

use chassis::config::{Rate, Span, Value, section};

section! {
    /// How the handler behaves (contract 0b.11).
    #[derive(Debug, Clone, Copy, PartialEq)]
    pub struct Config in "message", pub fn read;
    /// Time each message takes; the document's sample took 2 s.
    delay: Span = Span(Duration::ZERO);
    /// Share of messages that fail; the original's demo had 0.3.
    failure_rate: Rate = Rate(0.0);
    /// How times are written (contract 1.9).
    time_format: TimeFormat = TimeFormat::String;
}

/// How `pymicro.s_time` and `pymicro.e_time` are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeFormat {
    /// `"1582092922.614972"`
    String,
    /// `1582092922.614972`
    Number,
}

impl Value for TimeFormat {
    const WRITE: &'static str = "string or number";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "string" => Some(Self::String),
            "number" => Some(Self::Number),
            _ => None,
        }
    }

    fn text(&self) -> String {
        format!("{self:?}").to_ascii_lowercase()
    }
}

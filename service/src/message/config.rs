//! Section `message`.

use std::time::Duration;

use chassis::config::{Rate, Reader, Span, Value};

/// How the handler behaves (contract 0b.11).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Config {
    /// Time each message takes. Default 0 s; the document's sample took 2 s.
    pub delay: Span,
    /// Share of messages that fail, 0.0 to 1.0. Default 0; the original's demo had 0.3.
    pub failure_rate: Rate,
    /// How times are written. Default string (contract 1.9).
    pub time_format: TimeFormat,
}

impl Config {
    /// Reads the section.
    pub fn read(reader: &mut Reader) -> Self {
        Self {
            delay: reader.key("message.delay").or(Span(Duration::ZERO)),
            failure_rate: reader.key("message.failure_rate").or(Rate(0.0)),
            time_format: reader.key("message.time_format").or(TimeFormat::String),
        }
    }
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

//! What a build decides about logs (contract 2.3.11-14).

use chassis_config::OrNone;

use super::{Level, LogFormat};

/// A build of the service: what it chooses holds wherever a setting does not say otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Build {
    /// For those who work on it.
    Dev,
    /// For those who work with it.
    Prod,
}

impl Build {
    /// DEBUG or INFO.
    pub fn level(self) -> Level {
        match self {
            Self::Dev => Level::Debug,
            Self::Prod => Level::Info,
        }
    }

    /// Of files, and of what is shipped: few members or many.
    pub fn format(self) -> LogFormat {
        match self {
            Self::Dev => LogFormat::JsonDev,
            Self::Prod => LogFormat::JsonProd,
        }
    }

    /// Of the console: `LEVEL - message`.
    pub fn console(self) -> LogFormat {
        LogFormat::Brief
    }
}

impl OrNone for Build {
    const WRITE: &'static str = "dev, prod or none";

    fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "dev" => Some(Self::Dev),
            "prod" => Some(Self::Prod),
            _ => None,
        }
    }

    fn text(&self) -> String {
        format!("{self:?}").to_ascii_lowercase()
    }

    fn refusal(text: &str) -> String {
        format!("no logger is found for a build {text:?}; write {}", Self::WRITE)
    }
}

//! Logs.

use std::io::{IsTerminal, stdout};

use anyhow::Context;
use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// How it is logged.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// A line for people.
    #[default]
    Text,
    /// A JSON object per line.
    Json,
}

/// Sends logs to standard output.
pub fn init(level: &str, format: LogFormat) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(level)
        .with_context(|| format!("LOG_LEVEL {level:?} is no filter: write error, warn, info, debug or trace, or such as info,kube=debug"))?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(stdout().is_terminal());
    match format {
        LogFormat::Text => logs.init(),
        LogFormat::Json => logs.json().flatten_event(true).init(),
    }
    Ok(())
}

//! Log lines on standard output and, where wanted, in a file that is rotated; each with the operation id of its
//! request.
//!
//! ```
//! use chassis_config::{Reader, Sources, load};
//! use chassis_telemetry::{config::{Identity, Logging}, logging};
//!
//! let sources = Sources::default().with_env([("CHASSIS_LOGGING__FORMAT", "json-es")]);
//! let read = |reader: &mut Reader| {
//!     let identity = Identity::read(reader);
//!     Logging::read(reader, &identity)
//! };
//! logging::init(&load(&sources, read)?.config)?;
//! tracing::info!(colour = "blue", "ready");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A [`Function`] says of itself when it is called and how that ended; [`logged!`](crate::logged) makes one of a plain
//! function.

mod format;
mod function;
mod json;
mod lines;
mod record;
mod rotating;
mod text;

use std::{io, panic, path::PathBuf};

use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{Registry, fmt::MakeWriter, layer::SubscriberExt};

pub use self::function::Function;
use self::{
    format::Format,
    lines::{Functions, Lines, Sink, Write},
    rotating::Rotating,
};
use crate::config::{Level, LogFormat, Logging};

/// Why there can be no log.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the log file {}: {source}; choose another logging.file", .path.display())]
pub struct LogError {
    path: PathBuf,
    source: io::Error,
}

/// Makes log lines go to standard output, and to `logging.file`, for the rest of the process, panics among them.
///
/// Does nothing if the process has a logger already.
pub fn init(logging: &Logging) -> Result<(), LogError> {
    init_with(logging, None)
}

/// A further place for every line.
pub struct LineSink {
    /// Of its lines.
    pub format: LogFormat,
    /// Takes a line with its line break. Must not wait, and must log nothing.
    pub write: Box<Write>,
}

impl std::fmt::Debug for LineSink {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("LineSink").field("format", &self.format).finish_non_exhaustive()
    }
}

/// The same, and lines go to `further` as well.
pub fn init_with(logging: &Logging, further: Option<LineSink>) -> Result<(), LogError> {
    let mut sinks = sinks(logging, io::stdout)?;
    if let Some(LineSink { format, write }) = further {
        sinks.push(Sink::of(Format::new(format, &logging.index), write));
    }
    if tracing::subscriber::set_global_default(layered(logging, sinks)).is_ok() {
        // The default hook writes to standard error and knows no operation id.
        panic::set_hook(Box::new(|panic| {
            let location = panic.location().map(ToString::to_string).unwrap_or_default();
            let message = panic.payload_as_str().unwrap_or("without a message");
            tracing::error!(location, "panic: {message}");
        }));
    }
    Ok(())
}

/// A logger that writes lines of `logging`'s level and format to `writer`, and to `logging.file`.
pub fn subscriber<W>(logging: &Logging, writer: W) -> Result<Box<dyn Subscriber + Send + Sync>, LogError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    Ok(layered(logging, sinks(logging, writer)?))
}

fn sinks<W>(logging: &Logging, writer: W) -> Result<Vec<Sink>, LogError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let format = |format| Format::new(format, &logging.index);
    let mut sinks = vec![Sink::writer(format(logging.format), writer)];
    if let Some(path) = logging.file.get().map(PathBuf::from) {
        let file = Rotating::open(path.clone(), logging.file_size.0, logging.file_count.get())
            .map_err(|source| LogError { path, source })?;
        sinks.push(Sink::file(format(logging.file_format), file));
    }
    Ok(sinks)
}

fn layered(logging: &Logging, sinks: Vec<Sink>) -> Box<dyn Subscriber + Send + Sync> {
    let level = match logging.level {
        Level::Debug => LevelFilter::DEBUG,
        Level::Info => LevelFilter::INFO,
        Level::Warning => LevelFilter::WARN,
        Level::Error => LevelFilter::ERROR,
    };
    let functions = Functions { app: logging.index.clone(), show_args: logging.args };
    Box::new(Registry::default().with(level).with(Lines::new(sinks, functions)))
}

#[cfg(test)]
mod tests {
    use chassis_config::{Sources, load};

    use super::*;
    use crate::config::Identity;

    /// Without it each disabled event would be asked about, layer by layer.
    #[test]
    fn the_whole_program_knows_the_level() {
        for (level, filter) in [("INFO", LevelFilter::INFO), ("DEBUG", LevelFilter::DEBUG)] {
            let sources = Sources::default().with_env([("CHASSIS_LOGGING__LEVEL", level)]);
            let logging = load(&sources, |reader| {
                let identity = Identity::read(reader);
                Logging::read(reader, &identity)
            });
            let logging = logging.unwrap().config;
            assert_eq!(subscriber(&logging, io::sink).unwrap().max_level_hint(), Some(filter));
        }
    }
}

//! Log lines on standard output and, where wanted, in a file that is rotated; each with the operation id of its
//! request.
//!
//! ```
//! use chassis_config::{Reader, Sources, load};
//! use chassis_telemetry::{config::{Identity, Logging}, logging, metrics::Metrics};
//!
//! let sources = Sources::default().with_env([("CHASSIS_LOGGING__FORMAT", "json-es")]);
//! let read = |reader: &mut Reader| {
//!     let identity = Identity::read(reader);
//!     Logging::read(reader, &identity)
//! };
//! let _log = logging::init(&load(&sources, read)?.config, &Metrics::new()?)?;
//! tracing::info!(colour = "blue", "ready");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Lines wait in memory for a thread that writes them, so that a pipe that nobody reads stops nothing. Those that there
//! is no room for are counted in `chassis_log_lines_lost_total{place}` (`stdout`, `file`).
//!
//! A [`Function`] says of itself when it is called and how that ended; [`logged!`](crate::logged) makes one of a plain
//! function.

mod format;
mod function;
mod json;
mod lines;
mod queue;
mod record;
mod rotating;
mod text;

use std::{
    io::{self, Write as _},
    panic,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use chassis_config::writable;
use prometheus::{IntCounterVec, Opts};
use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{Registry, fmt::MakeWriter, layer::SubscriberExt};

pub use self::function::Function;
use self::{
    format::Format,
    lines::{Functions, Lines, Sink, Write},
    queue::Queue,
    rotating::Rotating,
};
use crate::{
    config::{Level, LogFormat, Logging},
    metrics::{Metrics, register},
};

/// Places that take nothing hold up the end of the process for this long: less than a pod has left after its drain.
const END: Duration = Duration::from_secs(2);

/// Why there can be no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// `logging.file` cannot be written.
    #[error("logging.file: {} cannot be written: {reason}; choose another", .path.display())]
    File {
        /// `logging.file`
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// A metric of this name exists.
    #[error("the metrics of the log cannot be made")]
    Metrics(#[from] prometheus::Error),
    /// There is no thread to write lines.
    #[error("cannot start to write log lines")]
    Thread(#[source] io::Error),
}

/// The log of the process. Dropping it writes the lines that wait, and ends the log.
#[must_use = "no line is written after it is dropped"]
pub struct Log(Vec<Arc<Queue>>);

impl Log {
    fn sink(
        &mut self,
        place: &str,
        lost: &IntCounterVec,
        format: Format,
        write: impl FnMut(&[u8]) + Send + 'static,
    ) -> Result<Sink, LogError> {
        let lost = lost.get_metric_with_label_values(&[place])?;
        let queue = Queue::start(place, lost, write).map_err(LogError::Thread)?;
        self.0.push(Arc::clone(&queue));
        Ok(Sink::queued(format, queue))
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let deadline = Instant::now() + END;
        self.0.iter().for_each(|queue| queue.end(deadline));
    }
}

/// Makes log lines go to standard output, and to `logging.file`, until the [`Log`] is dropped, panics among them.
///
/// Does nothing if the process has a logger already.
pub fn init(logging: &Logging, metrics: &Metrics) -> Result<Log, LogError> {
    init_with(logging, metrics, None)
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
pub fn init_with(logging: &Logging, metrics: &Metrics, further: Option<LineSink>) -> Result<Log, LogError> {
    let file = file(logging)?;
    let lost = Opts::new("chassis_log_lines_lost_total", "Log lines that a place had no room for");
    let lost = register(metrics.registry(), IntCounterVec::new(lost, &["place"])?)?;
    let mut log = Log(Vec::new());
    let format = |format| Format::new(format, &logging.index);
    let stdout = |lines: &[u8]| _ = io::stdout().write_all(lines);
    let mut sinks = vec![log.sink("stdout", &lost, format(logging.format), stdout)?];
    if let Some(mut file) = file {
        let write = move |lines: &[u8]| file.write_all(lines);
        sinks.push(log.sink("file", &lost, format(logging.file_format), write)?);
    }
    if let Some(LineSink { format: line_format, write }) = further {
        sinks.push(Sink::of(format(line_format), write));
    }
    let is_ours = tracing::subscriber::set_global_default(layered(logging, sinks)).is_ok();
    if is_ours && logging.level != Level::Critical {
        // The default hook writes to standard error and knows no operation id.
        panic::set_hook(Box::new(|panic| {
            let location = panic.location().map(ToString::to_string).unwrap_or_default();
            let message = panic.payload_as_str().unwrap_or("without a message");
            tracing::error!(location, "panic: {message}");
        }));
    }
    Ok(log)
}

/// Whether there could be such a log; leaves nothing behind.
pub fn check(logging: &Logging) -> Result<(), LogError> {
    let path = logging.file.get().map(PathBuf::from);
    path.map_or(Ok(()), |path| writable(&path).map_err(|reason| LogError::File { path, reason }))
}

/// A logger that writes lines of `logging`'s level and format to `writer`, and to `logging.file`. Whoever logs waits for
/// both.
pub fn subscriber<W>(logging: &Logging, writer: W) -> Result<Box<dyn Subscriber + Send + Sync>, LogError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let mut sinks = vec![Sink::writer(Format::new(logging.format, &logging.index), writer)];
    if let Some(file) = file(logging)? {
        sinks.push(Sink::file(Format::new(logging.file_format, &logging.index), file));
    }
    Ok(layered(logging, sinks))
}

fn file(logging: &Logging) -> Result<Option<Rotating>, LogError> {
    let open = |path: PathBuf| {
        Rotating::open(path.clone(), logging.file_size.0, logging.file_count.get())
            .map_err(|reason| LogError::File { path, reason })
    };
    logging.file.get().map(PathBuf::from).map(open).transpose()
}

fn layered(logging: &Logging, sinks: Vec<Sink>) -> Box<dyn Subscriber + Send + Sync> {
    let level = match logging.level {
        Level::Debug => LevelFilter::DEBUG,
        Level::Info => LevelFilter::INFO,
        Level::Warning => LevelFilter::WARN,
        Level::Error => LevelFilter::ERROR,
        Level::Critical => LevelFilter::OFF,
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
        for (level, filter) in [
            ("INFO", LevelFilter::INFO),
            ("DEBUG", LevelFilter::DEBUG),
            ("ERROR", LevelFilter::ERROR),
            // Python's hides what is an ERROR.
            ("CRITICAL", LevelFilter::OFF),
        ] {
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

//! Log lines on standard output, each with the operation id of its request.

mod json;
mod record;
mod text;

use std::panic;

use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::fmt::MakeWriter;

use crate::config::{Level, LogFormat, Logging};

/// Makes log lines go to standard output for the rest of the process, panics among them.
///
/// Does nothing if the process has a logger already.
pub fn init(logging: Logging) {
    if tracing::subscriber::set_global_default(subscriber(logging, std::io::stdout)).is_ok() {
        // The default hook writes to standard error and knows no operation id.
        panic::set_hook(Box::new(|panic| {
            let location = panic.location().map(ToString::to_string).unwrap_or_default();
            let message = panic.payload_as_str().unwrap_or("without a message");
            tracing::error!(location, "panic: {message}");
        }));
    }
}

/// A logger that writes lines of `logging`'s level and format to `writer`.
pub fn subscriber<W>(logging: Logging, writer: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let level = match logging.level {
        Level::Debug => LevelFilter::DEBUG,
        Level::Info => LevelFilter::INFO,
        Level::Warning => LevelFilter::WARN,
        Level::Error => LevelFilter::ERROR,
    };
    let builder = tracing_subscriber::fmt().with_max_level(level).with_ansi(false).with_writer(writer);
    match logging.format {
        LogFormat::Text => Box::new(builder.event_format(text::Text).finish()),
        LogFormat::Json => Box::new(builder.event_format(json::Json).finish()),
    }
}

//! Events on their way to where they are written.

use std::{
    cell::RefCell,
    io::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

use tracing::{Event, Subscriber};
use tracing_subscriber::{Layer, fmt::MakeWriter, layer::Context};

use super::{format::Format, queue::Queue, record::Record, rotating::Rotating};

thread_local! {
    static LINE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Every event as one line, in each place. A place that cannot be written to is no reason to stop working.
pub(super) struct Lines {
    sinks: Vec<Sink>,
    functions: Functions,
}

/// What is said of every [function](super::Function) that is logged.
pub(super) struct Functions {
    /// `logging.index`
    pub app: String,
    /// `logging.args`
    pub show_args: bool,
}

impl Lines {
    pub(super) const fn new(sinks: Vec<Sink>, functions: Functions) -> Self {
        Self { sinks, functions }
    }

    /// What `look` makes of the logger that this thread writes to, if it is ours.
    pub(super) fn current<T>(look: impl Fn(&Functions) -> T) -> Option<T> {
        tracing::dispatcher::get_default(|logger| {
            logger.downcast_ref().map(|Self { functions, .. }| functions).map(&look)
        })
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let record = Record::of(event);
        LINE.with_borrow_mut(|line| {
            for Sink { format, write } in &self.sinks {
                line.clear();
                format.write(&record, line);
                line.push('\n');
                write(line.as_bytes());
            }
        });
    }
}

/// Takes a line with its line break.
pub type Write = dyn Fn(&[u8]) + Send + Sync;

/// A place for lines of one format.
pub(super) struct Sink {
    format: Format,
    write: Box<Write>,
}

impl Sink {
    pub(super) fn writer<W>(format: Format, writer: W) -> Self
    where
        W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
    {
        // One call for a line, so that lines of several threads do not mix.
        Self { format, write: Box::new(move |line| _ = writer.make_writer().write_all(line)) }
    }

    pub(super) fn queued(format: Format, queue: Arc<Queue>) -> Self {
        Self { format, write: Box::new(move |line| queue.push(line)) }
    }

    pub(super) fn of(format: Format, write: Box<Write>) -> Self {
        Self { format, write }
    }

    pub(super) fn file(format: Format, file: Rotating) -> Self {
        let file = Mutex::new(file);
        let write = move |line: &[u8]| file.lock().unwrap_or_else(PoisonError::into_inner).write(line);
        Self { format, write: Box::new(write) }
    }
}

//! The chassis's metrics: a value that owns its registry, so that tests read it and nothing is global.
//!
//! A feature makes its counters with [`Metrics::counter`] and [`Metrics::counters`]: they are in `/metrics`, and in
//! push mode their updates go to statsd (see [`statsd`](crate::statsd)). What it registers in
//! [`Metrics::registry`] itself is in `/metrics` and pushed at intervals.
//!
//! ```
//! use chassis_telemetry::metrics::Metrics;
//!
//! let metrics = Metrics::new()?;
//! let greeted = metrics.counter("greetings_total", "Greetings given")?;
//! let spoken = metrics.counters("greetings_spoken_total", "Greetings by language", &["language"])?;
//! let english = spoken.with(&["en"])?;
//! greeted.inc();
//! english.add(2);
//! assert_eq!((greeted.get(), english.get()), (1, 2));
//! # Ok::<(), prometheus::Error>(())
//! ```

mod counter;
mod exposition;
mod labels;
mod registry;

pub use self::{
    counter::{Counter, Counters},
    exposition::{CONTENT_TYPE, Format, select},
    labels::{DURATIONS, method_label},
    registry::{Metrics, register},
};

//! What the configuration says of metrics, traces and log lines, and of the service that they are about.

mod build;
mod identity;
mod log_file;
mod log_format;
mod logging;
mod metrics;
mod tracing;

pub use self::{
    build::Build,
    identity::Identity,
    log_format::{Level, LogFormat},
    logging::Logging,
    metrics::{MetricPrefix, Metrics, Statsd, Updates},
    tracing::{Collector, Propagation, Rate, Spans, Tracing},
};

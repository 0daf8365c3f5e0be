//! The chassis's metrics: a value that owns its registry, so that tests read it and nothing is global.
//!
//! A feature makes its counters with [`Metrics::counter`] and [`Metrics::counters`]: they are in `/metrics`, and in
//! push mode their updates go to statsd (see [`statsd`](crate::statsd)). What it registers in
//! [`Metrics::registry`] itself is in `/metrics` and pushed at intervals.
//!
//! ```
//! use chassis::metrics::Metrics;
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

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::http::{Method, StatusCode};
use prometheus::{
    Error, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    core::Collector, process_collector::ProcessCollector, proto::MetricFamily,
};

pub use self::counter::{Counter, Counters};
pub(crate) use self::exposition::{Format, select};
use crate::{
    http_client::UpstreamFamilies,
    server::Snapshot,
    statsd::{Outlet, Update},
};

/// The text format and its version, as every scraper understands it (contract 1.2.13).
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Most handlers answer within milliseconds, some wait for others; 60 s is the default timeout.
pub(crate) const DURATIONS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 2.5, 10.0, 60.0];

/// A free worker is a wait of 0, everything else is a queue.
const WAITS: [f64; 10] = [0.001, 0.005, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0, 30.0, 60.0];

/// What the chassis counts, and where features make their own metrics.
pub struct Metrics {
    registry: Registry,
    /// Names of the counters that are pushed with each update.
    counters: Mutex<BTreeSet<String>>,
    outlet: Arc<Outlet>,
    upstreams: UpstreamFamilies,
    requests: IntCounterVec,
    durations: HistogramVec,
    queue_waits: Histogram,
    rejected_full: IntCounter,
    rejected_deadline: IntCounter,
    workers: IntGauge,
    in_flight: IntGauge,
    queue_length: IntGauge,
    queue_limit: IntGauge,
}

impl Metrics {
    /// Registers everything.
    pub fn new() -> Result<Self, Error> {
        let registry = Registry::new();
        let gauge = |name: &str, help: &str| register(&registry, IntGauge::new(name, help)?);
        let rejected = register(
            &registry,
            IntCounterVec::new(
                Opts::new(
                    "chassis_requests_rejected_total",
                    "Requests answered 503 because no worker was free",
                ),
                &["reason"],
            )?,
        )?;
        let metrics = Self {
            requests: register(
                &registry,
                IntCounterVec::new(
                    Opts::new("chassis_http_requests_total", "Requests by method, matched route and status"),
                    &["method", "path", "code"],
                )?,
            )?,
            durations: register(
                &registry,
                HistogramVec::new(
                    HistogramOpts::new(
                        "chassis_http_request_duration_seconds",
                        "Time from the headers of a request to its answer",
                    )
                    .buckets(DURATIONS.to_vec()),
                    &["method", "path"],
                )?,
            )?,
            queue_waits: register(
                &registry,
                Histogram::with_opts(
                    HistogramOpts::new("chassis_queue_wait_seconds", "Time a request waited for a worker")
                        .buckets(WAITS.to_vec()),
                )?,
            )?,
            rejected_full: rejected.with_label_values(&["queue_full"]),
            rejected_deadline: rejected.with_label_values(&["deadline"]),
            workers: gauge("chassis_workers", "Worker slots")?,
            in_flight: gauge("chassis_requests_in_flight", "Requests that workers have in hand")?,
            queue_length: gauge("chassis_queue_length", "Requests waiting for a worker")?,
            queue_limit: gauge("chassis_queue_limit", "Requests that may wait for a worker")?,
            counters: Mutex::default(),
            upstreams: UpstreamFamilies::register(&registry)?,
            outlet: Arc::new(Outlet::new(
                register(
                    &registry,
                    IntCounter::new(
                        "chassis_statsd_sent_total",
                        "Datagrams handed to the network for statsd",
                    )?,
                )?,
                register(
                    &registry,
                    IntCounter::new(
                        "chassis_statsd_lost_total",
                        "Datagrams that could not be sent to statsd, or were refused",
                    )?,
                )?,
            )),
            registry,
        };
        metrics.registry.register(Box::new(ProcessCollector::for_self()))?;
        Ok(metrics)
    }

    /// A counter without labels. An error when the name is taken or not one of Prometheus.
    pub fn counter(&self, name: &str, help: &str) -> Result<Counter, Error> {
        let value = register(&self.registry, IntCounter::new(name, help)?)?;
        self.remember(name);
        Ok(Counter::new(value, Update::new(name, []), &self.outlet))
    }

    /// Counters that differ in `labels`. An error when the name is taken, or it or a label is not one of Prometheus.
    pub fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<Counters, Error> {
        let values = register(&self.registry, IntCounterVec::new(Opts::new(name, help), labels)?)?;
        self.remember(name);
        Ok(Counters::new(name, labels, values, &self.outlet))
    }

    fn remember(&self, name: &str) {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
    }

    /// Whether `name` is of a [`Counter`].
    pub(crate) fn is_counter(&self, name: &str) -> bool {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner).contains(name)
    }

    pub(crate) fn upstreams(&self) -> &UpstreamFamilies {
        &self.upstreams
    }

    pub(crate) fn outlet(&self) -> &Arc<Outlet> {
        &self.outlet
    }

    /// Where features register metrics of other kinds.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Every metric. The gauges of the workers are set here and not where they change: a scrape is rare, a request is
    /// not.
    pub(crate) fn gather(&self, snapshot: Snapshot) -> Vec<MetricFamily> {
        let Snapshot { workers, requests_per_worker: _, busy, queued, queue_limit } = snapshot;
        self.workers.set(i64::from(workers));
        self.in_flight.set(i64::from(busy));
        self.queue_length.set(i64::from(queued));
        self.queue_limit.set(i64::from(queue_limit));
        self.registry.gather()
    }

    /// Counts an answered request. `path` is the matched route, empty for none.
    pub(crate) fn answered(&self, method: &Method, path: &str, status: StatusCode, took: Duration) {
        let method = method_label(method);
        self.requests.with_label_values(&[method, path, status.as_str()]).inc();
        self.durations.with_label_values(&[method, path]).observe(took.as_secs_f64());
    }

    pub(crate) fn waited(&self, time: Duration) {
        self.queue_waits.observe(time.as_secs_f64());
    }

    pub(crate) fn rejected_queue_full(&self) {
        self.rejected_full.inc();
    }

    pub(crate) fn rejected_deadline(&self) {
        self.rejected_deadline.inc();
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// A client may invent methods; a label may not.
pub(crate) fn method_label(method: &Method) -> &str {
    const KNOWN: [Method; 7] = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::HEAD,
        Method::OPTIONS,
    ];
    if KNOWN.contains(method) { method.as_str() } else { "other" }
}

pub(crate) fn register<C: Collector + Clone + 'static>(registry: &Registry, metric: C) -> Result<C, Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invented_method_does_not_become_a_label() {
        assert_eq!(method_label(&Method::from_bytes(b"BREW").unwrap()), "other");
        assert_eq!(method_label(&Method::PATCH), "PATCH");
    }
}

//! What is counted of requests and workers.

use std::{sync::Arc, time::Duration};

use axum::http::{Method, StatusCode};
use chassis_telemetry::{
    metrics::{DURATIONS, method_label, register},
    statsd::{Snapshot, Workload},
};
use prometheus::{
    Error, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
    core::{Collector, Desc},
    proto::MetricFamily,
};

/// A free worker is a wait of 0, everything else is a queue.
const WAITS: [f64; 10] = [0.001, 0.005, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0, 30.0, 60.0];

/// Requests of the service port.
#[derive(Debug)]
pub(super) struct Traffic {
    requests: IntCounterVec,
    durations: HistogramVec,
    queue_waits: Histogram,
    rejected_full: IntCounter,
    rejected_deadline: IntCounter,
    rejected_bodies: IntCounter,
}

impl Traffic {
    pub(super) fn register(registry: &Registry) -> Result<Self, Error> {
        let requests =
            Opts::new("chassis_http_requests_total", "Requests by method, matched route and status");
        let durations = HistogramOpts::new(
            "chassis_http_request_duration_seconds",
            "Time from the headers of a request to its answer",
        );
        let waits = HistogramOpts::new("chassis_queue_wait_seconds", "Time a request waited for a worker");
        let rejected = Opts::new(
            "chassis_requests_rejected_total",
            "Requests answered 503 because no worker was free or bodies took too much memory",
        );
        let rejected = register(registry, IntCounterVec::new(rejected, &["reason"])?)?;
        Ok(Self {
            requests: register(registry, IntCounterVec::new(requests, &["method", "path", "code"])?)?,
            durations: register(
                registry,
                HistogramVec::new(durations.buckets(DURATIONS.to_vec()), &["method", "path"])?,
            )?,
            queue_waits: register(registry, Histogram::with_opts(waits.buckets(WAITS.to_vec()))?)?,
            rejected_full: rejected.with_label_values(&["queue_full"]),
            rejected_deadline: rejected.with_label_values(&["deadline"]),
            rejected_bodies: rejected.with_label_values(&["body_budget"]),
        })
    }

    /// Counts an answered request. `path` is the matched route, empty for none.
    pub(super) fn answered(&self, method: &Method, path: &str, status: StatusCode, took: Duration) {
        let method = method_label(method);
        self.requests.with_label_values(&[method, path, status.as_str()]).inc();
        self.durations.with_label_values(&[method, path]).observe(took.as_secs_f64());
    }

    pub(super) fn waited(&self, time: Duration) {
        self.queue_waits.observe(time.as_secs_f64());
    }

    pub(super) fn rejected_queue_full(&self) {
        self.rejected_full.inc();
    }

    pub(super) fn rejected_deadline(&self) {
        self.rejected_deadline.inc();
    }

    pub(super) fn rejected_body_budget(&self) {
        self.rejected_bodies.inc();
    }
}

/// Connections of one listener.
#[derive(Debug)]
pub(super) struct Sockets {
    pub open: IntGauge,
    pub cut_read_timeout: IntCounter,
    pub cut_write_timeout: IntCounter,
    pub refused_max: IntCounter,
    pub refused_descriptors: IntCounter,
}

impl Sockets {
    /// Those of the service port and of the admin port.
    pub(super) fn register(registry: &Registry) -> Result<[Arc<Self>; 2], Error> {
        let open = Opts::new("chassis_connections", "Connections that are open");
        let open = register(registry, IntGaugeVec::new(open, &["listener"])?)?;
        let cut =
            Opts::new("chassis_connections_cut_total", "Connections ended because the client took too long");
        let cut = register(registry, IntCounterVec::new(cut, &["listener", "reason"])?)?;
        let refused = Opts::new(
            "chassis_connections_refused_total",
            "Connections closed at once because there were too many",
        );
        let refused = register(registry, IntCounterVec::new(refused, &["listener", "reason"])?)?;
        Ok(["service", "admin"].map(|listener| {
            Arc::new(Self {
                open: open.with_label_values(&[listener]),
                cut_read_timeout: cut.with_label_values(&[listener, "read_timeout"]),
                cut_write_timeout: cut.with_label_values(&[listener, "write_timeout"]),
                refused_max: refused.with_label_values(&[listener, "max_connections"]),
                refused_descriptors: refused.with_label_values(&[listener, "descriptors"]),
            })
        }))
    }
}

/// The state of the workers, looked at when somebody scrapes: a scrape is rare, a request is not.
pub(super) struct WorkerGauges {
    workers: IntGauge,
    in_flight: IntGauge,
    queue_length: IntGauge,
    queue_limit: IntGauge,
    source: Arc<dyn Workload>,
}

impl WorkerGauges {
    pub(super) fn register(registry: &Registry, source: Arc<dyn Workload>) -> Result<(), Error> {
        registry.register(Box::new(Self {
            workers: IntGauge::new("chassis_workers", "Worker slots")?,
            in_flight: IntGauge::new("chassis_requests_in_flight", "Requests that workers have in hand")?,
            queue_length: IntGauge::new("chassis_queue_length", "Requests waiting for a worker")?,
            queue_limit: IntGauge::new("chassis_queue_limit", "Requests that may wait for a worker")?,
            source,
        }))
    }

    fn all(&self) -> [&IntGauge; 4] {
        [&self.workers, &self.in_flight, &self.queue_length, &self.queue_limit]
    }
}

impl Collector for WorkerGauges {
    fn desc(&self) -> Vec<&Desc> {
        self.all().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Snapshot { workers, requests_per_worker: _, busy, queued, queue_limit } = self.source.snapshot();
        for (gauge, value) in self.all().into_iter().zip([workers, busy, queued, queue_limit]) {
            gauge.set(i64::from(value));
        }
        self.all().into_iter().flat_map(Collector::collect).collect()
    }
}

//! What is counted of calls to other services, under the name of each.

use std::time::Duration;

use chassis_telemetry::metrics::{DURATIONS, method_label, register};
use http::Method;
use prometheus::{Error, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

/// Families of all upstreams.
#[derive(Clone)]
pub(crate) struct UpstreamFamilies {
    calls: IntCounterVec,
    durations: HistogramVec,
    retries: IntCounterVec,
    in_flight: IntGaugeVec,
}

impl UpstreamFamilies {
    pub(crate) fn register(registry: &Registry) -> Result<Self, Error> {
        let name = ["upstream"];
        Ok(Self {
            calls: register(
                registry,
                IntCounterVec::new(
                    Opts::new(
                        "chassis_upstream_calls_total",
                        "Calls to other services by method and outcome: 2xx to 5xx, unreachable, broken, timeout, saturated, too_large, unsendable",
                    ),
                    &["upstream", "method", "outcome"],
                )?,
            )?,
            durations: register(
                registry,
                HistogramVec::new(
                    HistogramOpts::new(
                        "chassis_upstream_call_duration_seconds",
                        "Time of a call to another service, with its retries",
                    )
                    .buckets(DURATIONS.to_vec()),
                    &name,
                )?,
            )?,
            retries: register(
                registry,
                IntCounterVec::new(
                    Opts::new("chassis_upstream_retries_total", "Second and further tries"),
                    &name,
                )?,
            )?,
            in_flight: register(
                registry,
                IntGaugeVec::new(Opts::new("chassis_upstream_calls_in_flight", "Calls on their way"), &name)?,
            )?,
        })
    }

    pub(crate) fn of(&self, upstream: &'static str) -> UpstreamMetrics {
        UpstreamMetrics { upstream, families: self.clone() }
    }
}

/// Those of one upstream.
pub(crate) struct UpstreamMetrics {
    upstream: &'static str,
    families: UpstreamFamilies,
}

impl UpstreamMetrics {
    pub(super) fn answered(&self, method: &Method, outcome: &str, took: Duration) {
        self.families.calls.with_label_values(&[self.upstream, method_label(method), outcome]).inc();
        self.families.durations.with_label_values(&[self.upstream]).observe(took.as_secs_f64());
    }

    pub(super) fn retried(&self) {
        self.families.retries.with_label_values(&[self.upstream]).inc();
    }

    /// Counts a call until dropped.
    pub(super) fn in_flight(&self) -> InFlight {
        let gauge = self.families.in_flight.with_label_values(&[self.upstream]);
        gauge.inc();
        InFlight(gauge)
    }
}

pub(super) struct InFlight(IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

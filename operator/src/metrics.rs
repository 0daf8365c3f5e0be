//! The operator's own numbers: a value, not a global, so that tests can read them. Labels come from
//! closed sets.

use std::time::Instant;

use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
    process_collector::ProcessCollector,
};

use crate::controller::Class;

/// What a reconcile came to.
#[derive(Clone, Copy, Debug, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
#[allow(missing_docs)] // See the metric's help.
pub enum Outcome {
    Changed,
    Unchanged,
    Error,
}

/// All metrics, and the registry that `/metrics` shows.
pub struct Metrics {
    registry: Registry,
    reconciles: HistogramVec,
    errors: IntCounterVec,
    writes: IntCounterVec,
    watch_errors: IntCounterVec,
    leader: IntGauge,
    unreadable: IntGauge,
}

impl Metrics {
    /// Registers all metrics.
    ///
    /// # Errors
    /// Only where two metrics have the same name.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, label: &str| {
            let counter =
                IntCounterVec::new(Opts::new(format!("microservice_operator_{name}"), help), &[label])?;
            registry.register(Box::new(counter.clone()))?;
            prometheus::Result::Ok(counter)
        };
        let errors =
            counter("reconcile_errors_total", "Reconciles that failed, by what is done about it", "class")?;
        let writes = counter("writes_total", "Children written because they were not as wanted", "kind")?;
        let watch_errors = counter("watch_errors_total", "Watches that failed and were begun anew", "kind")?;
        let leader =
            IntGauge::new("microservice_operator_leader", "1 while this operator is the one that works")?;
        registry.register(Box::new(leader.clone()))?;
        let unreadable = IntGauge::new(
            "microservice_operator_unreadable",
            "Microservices that can't be read, such as those of another version of the definition, and are left as they are",
        )?;
        registry.register(Box::new(unreadable.clone()))?;
        let reconciles = HistogramVec::new(
            HistogramOpts::new(
                "microservice_operator_reconcile_duration_seconds",
                "Reconciles by what they came to: changed (something was written), unchanged, error",
            )
            // From a comparison in memory to the limit of a reconcile.
            .buckets(vec![0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 60.0]),
            &["outcome"],
        )?;
        registry.register(Box::new(reconciles.clone()))?;
        registry.register(Box::new(ProcessCollector::for_self()))?;
        Ok(Self { registry, reconciles, errors, writes, watch_errors, leader, unreadable })
    }

    /// Starts the clock of one reconcile.
    pub fn reconcile_started(&self) -> Timer<'_> {
        Timer { histogram: &self.reconciles, began: Instant::now() }
    }

    /// A reconcile failed.
    pub fn reconcile_failed(&self, class: Class) {
        self.errors.with_label_values(&[<&str>::from(class)]).inc();
    }

    /// A child was written.
    pub fn wrote(&self, kind: &str) {
        self.writes.with_label_values(&[kind]).inc();
    }

    /// A watch failed.
    pub fn watch_failed(&self, kind: &str) {
        self.watch_errors.with_label_values(&[kind]).inc();
    }

    /// Whether this operator leads.
    pub fn leads(&self, leads: bool) {
        self.leader.set(leads.into());
    }

    /// So many Microservices can't be read.
    pub fn unreadable(&self, count: usize) {
        self.unreadable.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// All metrics as Prometheus reads them.
    pub fn text(&self) -> String {
        let mut text = Vec::new();
        // Writing to memory can't fail.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        String::from_utf8(text).unwrap_or_default()
    }
}

/// The clock of one reconcile.
pub struct Timer<'a> {
    histogram: &'a HistogramVec,
    began: Instant,
}

impl Timer<'_> {
    /// Stops it.
    pub fn observe(self, outcome: Outcome) {
        let histogram = self.histogram.with_label_values(&[<&str>::from(outcome)]);
        histogram.observe(self.began.elapsed().as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::{Metrics, Outcome};

    #[test]
    fn what_happened_is_shown() {
        let metrics = Metrics::new().unwrap();
        metrics.reconcile_started().observe(Outcome::Changed);
        metrics.wrote("Service");
        assert!(metrics.text().contains("microservice_operator_leader 0"));
        metrics.leads(true);
        let text = metrics.text();
        assert!(
            text.contains(r#"microservice_operator_reconcile_duration_seconds_count{outcome="changed"} 1"#),
            "{text}"
        );
        assert!(text.contains(r#"microservice_operator_writes_total{kind="Service"} 1"#), "{text}");
        assert!(text.contains("microservice_operator_leader 1"), "{text}");
        assert!(text.contains("process_resident_memory_bytes"), "{text}");
    }
}

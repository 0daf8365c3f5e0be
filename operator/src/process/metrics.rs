//! The operator's own numbers: a value, not a global, so that tests can read them. Labels come from
//! closed sets.

use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use operator_core::model::Class;
use prometheus::{
    Encoder, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder, process_collector::ProcessCollector,
};

use super::pulse::Pulses;

/// Gives namespace, name and conditions of all Microservices that there are.
type Source = Box<dyn Fn(&mut dyn FnMut(&str, &str, &[Condition])) + Send>;

/// What a reconcile came to.
#[derive(Clone, Copy, Debug, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
#[allow(missing_docs)] // See the metric's help.
pub enum ReconcileResult {
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
    api_requests: IntCounterVec,
    in_backoff: IntGauge,
    leader: IntGauge,
    watch_ages: GaugeVec,
    conditions: IntGaugeVec,
    /// Where the conditions are read at each scrape: an object that is gone leaves no series. Locked
    /// also while the gauges of a scrape are filled.
    source: Mutex<Option<Source>>,
    /// Signs of life of the watches.
    pub pulses: Pulses,
    unreadable: IntGauge,
}

impl Metrics {
    /// Registers all metrics.
    ///
    /// # Errors
    /// Only where two metrics have the same name.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let opts = |name: &str, help: &str| Opts::new(format!("microservice_operator_{name}"), help);
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let counter = IntCounterVec::new(opts(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            prometheus::Result::Ok(counter)
        };
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::with_opts(opts(name, help))?;
            registry.register(Box::new(gauge.clone()))?;
            prometheus::Result::Ok(gauge)
        };
        let errors = counter(
            "reconcile_errors_total",
            "Reconciles that failed, by what is done about it",
            &["class"],
        )?;
        let writes = counter("writes_total", "Children written because they were not as wanted", &["kind"])?;
        let watch_errors =
            counter("watch_errors_total", "Watches that failed and were begun anew", &["kind"])?;
        let api_requests = counter(
            "api_requests_total",
            "Requests to the API server; code none: it did not answer",
            &["verb", "resource", "code"],
        )?;
        let in_backoff = gauge("objects_in_backoff", "Microservices that failed and are tried again later")?;
        let leader = gauge("leader", "1 while this operator is the one that works")?;
        let watch_ages = GaugeVec::new(
            opts("watch_age_seconds", "Time since the API server last sent something to a watch of the kind"),
            &["kind"],
        )?;
        registry.register(Box::new(watch_ages.clone()))?;
        let conditions = IntGaugeVec::new(
            opts(
                "condition",
                "Conditions of the Microservices: 1 True, 0 False, -1 Unknown; only the leader has them",
            ),
            &["namespace", "name", "type"],
        )?;
        registry.register(Box::new(conditions.clone()))?;
        let unreadable = gauge(
            "unreadable",
            "Microservices that can't be read, such as those of another version of the definition, and are left as they are",
        )?;
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
        Ok(Self {
            registry,
            reconciles,
            errors,
            writes,
            watch_errors,
            api_requests,
            in_backoff,
            leader,
            unreadable,
            watch_ages,
            conditions,
            source: Mutex::default(),
            pulses: Pulses::default(),
        })
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

    /// The API server was asked.
    pub fn asked(&self, verb: &str, resource: &str, code: &str) {
        self.api_requests.with_label_values(&[verb, resource, code]).inc();
    }

    /// So many Microservices are tried again later.
    pub fn backs_off(&self, objects: usize) {
        self.in_backoff.set(i64::try_from(objects).unwrap_or(i64::MAX));
    }

    /// From now on the conditions are those of these Microservices; without a source there are none.
    pub fn show_conditions(&self, source: Option<Source>) {
        *self.source.lock().unwrap_or_else(PoisonError::into_inner) = source;
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
        let source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        self.watch_ages.reset();
        for (kind, age) in self.pulses.ages() {
            self.watch_ages.with_label_values(&[kind]).set(age.as_secs_f64());
        }
        if let Some(source) = &*source {
            source(&mut |namespace, name, conditions| self.count_conditions(namespace, name, conditions));
        }
        let mut text = Vec::new();
        // Writing to memory can't fail.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        self.conditions.reset();
        String::from_utf8(text).unwrap_or_default()
    }

    fn count_conditions(&self, namespace: &str, name: &str, conditions: &[Condition]) {
        for condition in conditions {
            let labels = [namespace, name, &*condition.type_];
            self.conditions.with_label_values(&labels).set(match &*condition.status {
                "True" => 1,
                "False" => 0,
                _ => -1,
            });
        }
    }
}

/// The clock of one reconcile.
pub struct Timer<'a> {
    histogram: &'a HistogramVec,
    began: Instant,
}

impl Timer<'_> {
    /// Stops it.
    pub fn observe(self, outcome: ReconcileResult) {
        let histogram = self.histogram.with_label_values(&[<&str>::from(outcome)]);
        histogram.observe(self.began.elapsed().as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::{Condition, Metrics, ReconcileResult};
    use serde_json::json;

    /// peers: VictoriaMetrics/operator#2238, cert-manager/cert-manager#6312, k8ssandra-operator#171,
    /// LLMKube#1001
    #[test]
    fn conditions_are_shown_as_long_as_there_is_the_object() {
        let condition = |type_: &str, status: &str| json!({"type": type_, "status": status, "reason": "R", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"});
        let conditions = json!([
            condition("Ready", "True"),
            condition("Monitored", "False"),
            condition("Verified", "Unknown")
        ]);
        let conditions: Vec<Condition> = serde_json::from_value(conditions).unwrap();
        let metrics = Metrics::new().unwrap();
        metrics.show_conditions(Some(Box::new(move |show| show("shop", "a", &conditions))));
        let text = metrics.text();
        for (type_, value) in [("Ready", 1), ("Monitored", 0), ("Verified", -1)] {
            let line = format!(
                r#"microservice_operator_condition{{name="a",namespace="shop",type="{type_}"}} {value}"#
            );
            assert!(text.contains(&line), "{text}");
        }
        metrics.show_conditions(Some(Box::new(|_| ())));
        assert!(!metrics.text().contains("shop"), "a series of an object that is gone");
    }

    #[test]
    fn what_happened_is_shown() {
        let metrics = Metrics::new().unwrap();
        metrics.reconcile_started().observe(ReconcileResult::Changed);
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

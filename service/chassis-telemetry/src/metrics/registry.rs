//! Where metrics are registered.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use prometheus::{
    Error, IntCounter, IntCounterVec, Opts, Registry, core::Collector, process_collector::ProcessCollector,
    proto::MetricFamily,
};

use super::{Counter, Counters};
use crate::statsd::{Outlet, Update};

/// Where features make their own metrics, and what all of them are gathered from.
pub struct Metrics {
    registry: Registry,
    /// Names of the counters that are pushed with each update.
    counters: Mutex<BTreeSet<String>>,
    outlet: Arc<Outlet>,
}

impl Metrics {
    /// With what is known of the process.
    pub fn new() -> Result<Self, Error> {
        let registry = Registry::new();
        let count = |name: &str, help: &str| register(&registry, IntCounter::new(name, help)?);
        let outlet = Outlet::new(
            count("chassis_statsd_sent_total", "Datagrams handed to the network for statsd")?,
            count(
                "chassis_statsd_lost_total",
                "Datagrams that could not be sent to statsd, or were refused",
            )?,
        );
        registry.register(Box::new(ProcessCollector::for_self()))?;
        Ok(Self { registry, counters: Mutex::default(), outlet: Arc::new(outlet) })
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

    pub(crate) fn outlet(&self) -> &Arc<Outlet> {
        &self.outlet
    }

    /// Where features register metrics of other kinds.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Every metric.
    pub fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// `metric` in `registry`, with a handle of it to keep.
pub fn register<C: Collector + Clone + 'static>(registry: &Registry, metric: C) -> Result<C, Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

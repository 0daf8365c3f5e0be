//! What is counted of the connections to a database.

use std::sync::{Arc, OnceLock};

use chassis_telemetry::metrics::register;
use prometheus::{
    Error, IntCounterVec, IntGaugeVec, Opts, Registry,
    core::{Collector, Desc},
    proto::MetricFamily,
};

use super::{pool::Pool, refusals::Refusals};

/// Reads the pools when it is scraped.
#[derive(Clone)]
pub(super) struct PoolMetrics {
    connections: IntGaugeVec,
    most: IntGaugeVec,
    waiting: IntGaugeVec,
    refusals: IntCounterVec,
    pools: Arc<OnceLock<Vec<(&'static str, Pool)>>>,
}

impl PoolMetrics {
    pub(super) fn register(registry: &Registry) -> Result<Self, Error> {
        let gauge = |name: &str, help: &str, labels: &[&str]| IntGaugeVec::new(Opts::new(name, help), labels);
        let metrics = Self {
            connections: gauge(
                "chassis_db_connections",
                "Connections to the database by server (primary, replica) and state (used, idle)",
                &["server", "state"],
            )?,
            most: gauge("chassis_db_connections_max", "Connections there may be", &["server"])?,
            waiting: gauge("chassis_db_waiting", "Requests waiting for a connection", &["server"])?,
            refusals: IntCounterVec::new(
                Opts::new(
                    "chassis_db_refusals_total",
                    "Requests that got no connection, by reason (away, full, busy, slow, failed)",
                ),
                &["server", "reason"],
            )?,
            pools: Arc::default(),
        };
        register(registry, metrics)
    }

    /// Counts what the pool of `server` can't serve.
    pub(super) fn refusals(&self, server: &'static str) -> Refusals {
        Refusals::new(server, self.refusals.clone())
    }

    /// The pools to look at.
    pub(super) fn watch(&self, pools: Vec<(&'static str, Pool)>) {
        _ = self.pools.set(pools);
    }
}

impl Collector for PoolMetrics {
    fn desc(&self) -> Vec<&Desc> {
        [&self.connections, &self.most, &self.waiting]
            .into_iter()
            .flat_map(Collector::desc)
            .chain(self.refusals.desc())
            .collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        for (server, pool) in self.pools.get().into_iter().flatten() {
            let set = |gauge: &IntGaugeVec, labels: &[&str], value: usize| {
                gauge.with_label_values(labels).set(i64::try_from(value).unwrap_or(i64::MAX));
            };
            let status = pool.status();
            set(&self.connections, &[server, "idle"], status.available);
            set(&self.connections, &[server, "used"], status.size.saturating_sub(status.available));
            set(&self.most, &[server], status.max_size);
            set(&self.waiting, &[server], status.waiting);
        }
        let Self { connections, most, waiting, refusals, pools: _ } = self;
        [connections.collect(), most.collect(), waiting.collect(), refusals.collect()].concat()
    }
}

//! What becomes of lines. Counted by Prometheus' counters, not by those whose every update is pushed: a line may come
//! from anywhere, also from the push.

use chassis_telemetry::metrics::register;
use prometheus::{Error, IntCounter, IntCounterVec, Opts, Registry};

#[derive(Debug, Clone)]
pub(super) struct Counts {
    /// On the disk.
    pub spooled: IntCounter,
    /// Taken by the endpoint.
    pub shipped: IntCounter,
    /// Requests that came to nothing.
    pub failures: IntCounter,
    dropped: IntCounterVec,
    /// Dropped, because they came faster than the disk takes them.
    pub queue_full: IntCounter,
    pub too_long: IntCounter,
    /// The disk did not take them.
    pub disk: IntCounter,
    /// The oldest, for there is no more room.
    pub spool_full: IntCounter,
    /// The endpoint does not want them.
    pub refused: IntCounter,
}

impl Counts {
    fn new() -> Result<Self, Error> {
        let dropped = IntCounterVec::new(
            Opts::new(
                "chassis_log_lines_dropped_total",
                "Log lines that will not be shipped: queue_full, too_long, disk, spool_full, refused",
            ),
            &["reason"],
        )?;
        let reason = |reason| dropped.get_metric_with_label_values(&[reason]);
        Ok(Self {
            spooled: IntCounter::new(
                "chassis_log_lines_spooled_total",
                "Log lines kept on the disk to be shipped",
            )?,
            shipped: IntCounter::new(
                "chassis_log_lines_shipped_total",
                "Log lines that the endpoint has taken",
            )?,
            failures: IntCounter::new(
                "chassis_log_ship_failures_total",
                "Batches of log lines that the endpoint has not taken, each try",
            )?,
            queue_full: reason("queue_full")?,
            too_long: reason("too_long")?,
            disk: reason("disk")?,
            spool_full: reason("spool_full")?,
            refused: reason("refused")?,
            dropped,
        })
    }

    pub(super) fn registered(registry: &Registry) -> Result<Self, Error> {
        let counts = Self::new()?;
        for counter in [&counts.spooled, &counts.shipped, &counts.failures] {
            register(registry, counter.clone())?;
        }
        register(registry, counts.dropped.clone())?;
        Ok(counts)
    }

    /// Seen by nobody else.
    pub(super) fn unseen() -> Result<Self, Error> {
        Self::new()
    }

    /// Dropped so far.
    pub(super) fn dropped(&self) -> u64 {
        [&self.queue_full, &self.too_long, &self.disk, &self.spool_full, &self.refused]
            .map(IntCounter::get)
            .iter()
            .sum()
    }
}

#[cfg(test)]
impl Default for Counts {
    fn default() -> Self {
        Self::new().unwrap()
    }
}

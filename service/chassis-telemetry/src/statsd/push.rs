//! What is sent at intervals.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    net::lookup_host,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{Tally, Workload, changes::Changes, packet::Packets};
use crate::{
    config::{self, Updates},
    metrics::Metrics,
};

/// How long the start may wait for the statsd server's name; metrics before it is known are lost.
const FIRST_LOOKUP: Duration = Duration::from_secs(1);

/// Sends what is sent at intervals, and keeps the outlet aimed at the statsd server.
#[derive(Debug)]
pub struct Push {
    config: config::Metrics,
    metrics: Arc<Metrics>,
    workers: Arc<dyn Workload>,
    changes: Changes,
    tallies: Vec<Tally>,
    /// Datagrams lost at the last look, and whether that was a loss.
    lost: u64,
    losing: bool,
    unknown: bool,
}

impl Push {
    /// Opens the outlet. From here on counters send their updates.
    pub async fn open(config: &config::Metrics, metrics: &Arc<Metrics>, workers: Arc<dyn Workload>) -> Self {
        let mut push = Self {
            config: config.clone(),
            metrics: Arc::clone(metrics),
            workers,
            changes: Changes::default(),
            tallies: Vec::new(),
            lost: 0,
            losing: false,
            unknown: false,
        };
        if timeout(FIRST_LOOKUP, push.aim()).await.is_err() {
            tracing::warn!(
                "the statsd server {} is not known yet, metrics are lost until it is",
                config.statsd
            );
            push.unknown = true;
        }
        if config.updates == Updates::Each {
            metrics.outlet().send_each();
        }
        push
    }

    /// Sends at intervals until `stop`, and then once more.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut ticks = interval(self.config.push_interval.0);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first one is at once, and there is nothing yet.
        ticks.tick().await;
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            if stop.run_until_cancelled(self.aim()).await.is_none() {
                break;
            }
            self.send();
            self.look_at_losses();
        }
        self.send();
        // Said once more, with what is lost in all.
        self.losing = false;
        self.look_at_losses();
    }

    /// Looks the name up and aims the outlet at what it means now.
    async fn aim(&mut self) {
        let (host, port) = (self.config.statsd.host.as_str(), self.config.statsd.port);
        let aimed = match lookup_host((host, port)).await {
            Ok(mut addresses) => match addresses.next() {
                Some(address) if self.metrics.outlet().is_aimed_at(address) => Ok(()),
                Some(address) => self.metrics.outlet().aim(address),
                None => Err(io::Error::other("the name has no address")),
            },
            Err(error) => Err(error),
        };
        match aimed {
            Ok(()) if self.unknown => tracing::info!("the statsd server {} is known now", self.config.statsd),
            Err(ref error) if !self.unknown => {
                tracing::warn!("the statsd server {} cannot be addressed: {error}", self.config.statsd);
            }
            _ => {}
        }
        self.unknown = aimed.is_err();
    }

    fn send(&mut self) {
        let snapshot = self.workers.snapshot();
        let families = self.metrics.gather();
        let outlet = Arc::clone(self.metrics.outlet());
        let mut send = |packet: &[u8]| outlet.send(packet);
        let mut packets = Packets::new(&mut send);
        // Those of the process belong to the exporter at the other end, which has its own of these names.
        let each = self.config.updates == Updates::Each;
        let skip = |name: &str| name.starts_with("process_") || (each && self.metrics.is_counter(name));
        self.changes.write(&families, skip, &mut packets);

        let prefix = &self.config.worker_prefix.0;
        let gauge_of = |name: &str| {
            let family = families.iter().find(|family| family.name() == name)?;
            Some(family.get_metric().first()?.get_gauge().get_value())
        };
        for (name, source) in
            [("rss_size", "process_resident_memory_bytes"), ("vsz_size", "process_virtual_memory_bytes")]
        {
            if let Some(bytes) = gauge_of(source) {
                packets.gauge(&format!("{prefix}.{name}"), bytes, b"");
            }
        }
        let (busy, workers) = (snapshot.busy.div_ceil(snapshot.requests_per_worker), snapshot.workers);
        packets.gauge(&format!("{prefix}.core.busy_workers"), f64::from(busy.min(workers)), b"");
        packets.gauge(&format!("{prefix}.core.idle_workers"), f64::from(workers.saturating_sub(busy)), b"");
        let tallies = self.workers.tallies();
        for (index, now) in tallies.iter().enumerate() {
            let grown = now.since(self.tallies.get(index).copied().unwrap_or_default());
            if grown.requests > 0 {
                write_worker(prefix, index + 1, grown, &mut packets);
            }
        }
        self.tallies = tallies;
        packets.finish();
    }

    fn look_at_losses(&mut self) {
        let lost = self.metrics.outlet().lost();
        let losing = lost > self.lost;
        if losing && !self.losing {
            tracing::warn!(
                "statsd at {} is not reached, {lost} datagrams are lost so far",
                self.config.statsd
            );
        } else if self.losing && !losing {
            tracing::info!("statsd at {} is reached again", self.config.statsd);
        }
        (self.lost, self.losing) = (lost, losing);
    }
}

#[expect(clippy::cast_precision_loss, reason = "statsd's numbers are floats; exact up to 2^53")]
fn write_worker(prefix: &str, number: usize, grown: Tally, packets: &mut Packets<'_>) {
    let Tally { requests, busy } = grown;
    let tags = format!("|#worker:{number}").into_bytes();
    let (requests, micros) = (requests as f64, busy.as_micros() as f64);
    packets.add(&format!("{prefix}.worker.requests"), requests, "c", &tags);
    packets.add(&format!("{prefix}.worker.running_time"), micros, "c", &tags);
    packets.gauge(&format!("{prefix}.worker.avg_response_time"), (micros / requests).round(), &tags);
}

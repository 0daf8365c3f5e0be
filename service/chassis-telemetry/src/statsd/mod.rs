//! Push mode: metrics go to a statsd server over UDP instead of being scraped from the service port (contract 1.3).
//!
//! | what | datagram | when |
//! |---|---|---|
//! | [`Counter`](crate::metrics::Counter) | `pymicro_req_total:1\|c`, with labels `...\|#pymicro_ret:0` | at each update (`metrics.updates: each`) |
//! | the workers | `uwsgi_pymicro.worker.requests:12\|c\|#worker:1` | every `metrics.push_interval` |
//! | everything else of `/metrics` but `process_*` | `chassis_workers:4\|g`, many lines in one datagram | every `metrics.push_interval` |
//!
//! What is sent at intervals is the growth since the last time, so that nothing is counted twice, and once more at
//! the end of the drain. Histograms are sent as the counters `_bucket`, `_count` and `_sum`.
//!
//! Of each worker: `requests` (counter), `running_time` (counter, microseconds with a request in hand),
//! `avg_response_time` (gauge, microseconds, of the interval). Of all: `core.busy_workers`, `core.idle_workers`,
//! `rss_size`, `vsz_size` (gauges, bytes).
//!
//! Nothing waits for statsd: what cannot be sent at once is dropped and counted in `chassis_statsd_lost_total` of the
//! admin port's `/metrics`, and one line per outage is logged. A name is looked up at the start and again every
//! interval.
//!
//! Switched on by the configuration:
//!
//! ```
//! use chassis_config::{Listen, Sources, load};
//! use chassis_telemetry::config::Metrics;
//!
//! let env = [("PYMICRO_SEND_METRICS", "true"), ("PYMICRO_STATSD", "http://pymicro-metrics:9125")];
//! let sources = Sources::default().with_env(env);
//! let metrics = load(&sources, |reader| Metrics::read(reader, &Listen::any(8080)))?.config;
//! assert!(metrics.push);
//! assert_eq!((metrics.statsd.host.as_str(), metrics.statsd.port), ("pymicro-metrics", 9125));
//! # Ok::<(), chassis_config::ConfigError>(())
//! ```
//!
//! `cargo run -p chassis --example push` shows the datagrams.

mod changes;
mod outlet;
mod packet;
mod push;
mod update;
mod workload;

pub(crate) use self::{outlet::Outlet, update::Update};
pub use self::{
    push::Push,
    workload::{Snapshot, Tally, Workload},
};

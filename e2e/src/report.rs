use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What became of one stream of `e2e-client load`, which prints one line of JSON for each.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Requests that were begun: all answers and all errors.
    pub sent: u64,
    /// Requests with a complete answer, whatever its status.
    pub answered: u64,
    /// Answers by status.
    pub status: BTreeMap<u16, u64>,
    /// Requests without a complete answer, by what went wrong: `refused` and `connect` (no connection),
    /// `closed` (the connection ended before the answer), `cut` (in the middle of it), `timeout`.
    pub errors: BTreeMap<String, u64>,
    /// Answers 503 that say when to try again.
    pub retry_after: u64,
    /// Times to the answers below 400.
    pub latency: Latency,
    /// 99 % of the requests were begun at most so long after they were due, in microseconds: what of
    /// the latency is the client's own.
    pub late_us: u64,
    /// When the first and the last request failed (no answer, or 500 and above), in milliseconds since
    /// the stream began, by when they were due.
    pub failed_ms: Option<(u64, u64)>,
    /// Time from the first request to the last answer, in milliseconds.
    pub elapsed_ms: u64,
}

/// Times from when a request was due to the end of its answer, in microseconds: a request that is begun
/// late because others are slow counts as slow itself.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // Percentiles.
pub struct Latency {
    pub p50: u64,
    pub p99: u64,
    pub p999: u64,
    pub max: u64,
}

impl LoadReport {
    /// Answers of one status.
    pub fn with_status(&self, status: u16) -> u64 {
        self.status.get(&status).copied().unwrap_or_default()
    }

    /// Everything but 200.
    pub fn failures(&self) -> u64 {
        self.sent - self.with_status(200)
    }
}

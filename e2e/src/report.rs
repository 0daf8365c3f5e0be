use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What `e2e-client load` found: one line of JSON.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Requests that were begun: all answers and all errors.
    pub sent: u64,
    /// Requests with a complete answer, whatever its status.
    pub answered: u64,
    /// Answers by status.
    pub status: BTreeMap<u16, u64>,
    /// Requests without an answer, by what went wrong: `connect`, `broken` or `timeout`.
    pub errors: BTreeMap<String, u64>,
    /// Longest time to a complete answer, in milliseconds.
    pub max_latency_ms: u64,
    /// Time from the first request to the last answer, in milliseconds.
    pub elapsed_ms: u64,
}

impl LoadReport {
    /// Answers of one status.
    pub fn with_status(&self, status: u16) -> u64 {
        self.status.get(&status).copied().unwrap_or_default()
    }

    /// Adds what one connection found to what others did.
    pub fn add(&mut self, other: Self) {
        let Self { sent, answered, status, errors, max_latency_ms, elapsed_ms } = other;
        self.sent += sent;
        self.answered += answered;
        for (status, count) in status {
            *self.status.entry(status).or_default() += count;
        }
        for (error, count) in errors {
            *self.errors.entry(error).or_default() += count;
        }
        self.max_latency_ms = self.max_latency_ms.max(max_latency_ms);
        self.elapsed_ms = self.elapsed_ms.max(elapsed_ms);
    }
}

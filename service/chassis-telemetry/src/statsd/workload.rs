//! What is told of those who do the work.

use std::{fmt, time::Duration};

use serde::Serialize;

/// Workers that are counted.
pub trait Workload: fmt::Debug + Send + Sync {
    /// The state right now.
    fn snapshot(&self) -> Snapshot;
    /// What each worker has done, in the order of their numbers, which begin at 1.
    fn tallies(&self) -> Vec<Tally>;
}

/// The state of the workers, as `GET /workers` of the admin port reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// `server.workers`
    pub workers: u32,
    /// `server.requests_per_worker`
    pub requests_per_worker: u32,
    /// Requests in hand; above `workers * requests_per_worker` only after a shrink, until they are done.
    pub busy: u32,
    /// Requests waiting.
    pub queued: u32,
    /// Requests that may wait.
    pub queue_limit: u32,
}

/// What one worker has done since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Requests it has finished.
    pub requests: u64,
    /// Time with a request in hand, summed over the requests.
    pub busy: Duration,
}

impl Tally {
    /// What was added after `before`.
    pub(super) fn since(self, before: Self) -> Self {
        Self { requests: self.requests - before.requests, busy: self.busy.saturating_sub(before.busy) }
    }
}

//! What a server could not serve.

use prometheus::IntCounterVec;

/// Counts of one server.
#[derive(Clone)]
pub(super) struct Refusals {
    server: &'static str,
    counts: IntCounterVec,
}

impl Refusals {
    pub(super) fn new(server: &'static str, counts: IntCounterVec) -> Self {
        Self { server, counts }
    }

    pub(super) fn count(&self, reason: &str) {
        self.counts.with_label_values(&[self.server, reason]).inc();
    }
}

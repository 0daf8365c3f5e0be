//! What the feature counts, under the names of the contract (1.2.14).

use chassis::metrics::{Counter, Metrics as Registry};
use prometheus::Error;

use super::object::Outcome;

#[derive(Clone)]
pub(super) struct Metrics {
    requests: Counter,
    succeeded: Counter,
    failed: Counter,
}

impl Metrics {
    pub(super) fn register(registry: &Registry) -> Result<Self, Error> {
        let requests = registry.counter("pymicro_req_total", "Request count")?;
        let codes =
            registry.counters("pymicro_ret_req_total", "Request return code count", &["pymicro_ret"])?;
        let of = |outcome: Outcome| codes.with(&[outcome.code()]);
        Ok(Self { requests, succeeded: of(Outcome::Success)?, failed: of(Outcome::Failure)? })
    }

    /// Every POST that reaches the endpoint, valid or not (contract 1.9).
    pub(super) fn received(&self) {
        self.requests.inc();
    }

    /// Only when there is a return code.
    pub(super) fn returned(&self, outcome: Outcome) {
        match outcome {
            Outcome::Success => self.succeeded.inc(),
            Outcome::Failure => self.failed.inc(),
        }
    }
}

//! Decides which requests are traced, and hands finished spans on.

use std::{fmt, sync::Arc};

use tokio::sync::mpsc::{self, error::TrySendError};

use super::{forced::Forced, ids::TraceId, loss::Loss, record::Record};
use crate::{
    config::{Propagation, Tracing},
    metrics::Counter,
};

/// Where finished spans go.
pub(super) struct Sink {
    pub queue: mpsc::Sender<Arc<Record>>,
    pub loss: Loss,
}

/// Traces the requests of one service.
pub struct Tracer {
    pub(super) service: Arc<str>,
    pub(super) propagation: Propagation,
    sample_rate: f64,
    log: bool,
    pub(super) forced: Forced,
    sinks: Vec<Sink>,
}

impl Tracer {
    pub(super) fn new(service: &str, tracing: &Tracing, refused: Counter, sinks: Vec<Sink>) -> Self {
        Self {
            service: service.into(),
            propagation: tracing.propagation,
            sample_rate: tracing.sample_rate.0,
            log: tracing.log,
            forced: Forced::new(tracing.forced_per_second.0, refused),
            sinks,
        }
    }

    /// By the trace's number and not by chance, so that every service with the same rate decides alike.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        reason = "a share of the numbers; `as` keeps within the bounds"
    )]
    pub(super) fn samples(&self, trace: TraceId) -> bool {
        self.sample_rate >= 1.0 || trace.low() < (self.sample_rate * u64::MAX as f64) as u64
    }

    /// Hands a finished span on; never waits.
    pub(super) fn finish(&self, record: Record) {
        if self.log {
            super::log::write(&record);
        }
        let Some((last, others)) = self.sinks.split_last() else { return };
        let record = Arc::new(record);
        for Sink { queue, loss } in others.iter().chain([last]) {
            match queue.try_send(Arc::clone(&record)) {
                Ok(()) => {}
                Err(TrySendError::Full(_)) => loss.queue_full.inc(),
                Err(TrySendError::Closed(_)) => loss.ended.inc(),
            }
        }
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Tracer").field("service", &self.service).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use chassis_config::{Sources, load};

    use super::*;

    #[test]
    fn contract_5_7_30_the_rate_is_kept_and_all_services_decide_alike() {
        let rate = |rate: &str| {
            let sources = Sources::default().with_env([("CHASSIS_TRACING__SAMPLE_RATE", rate)]);
            let tracing = load(&sources, Tracing::read).unwrap().config;
            let refused =
                crate::metrics::Metrics::new().unwrap().counter("refused_total", "Refused").unwrap();
            Tracer::new("a", &tracing, refused, Vec::new())
        };
        let (never, some, more, always) = (rate("0"), rate("0.25"), rate("0.5"), rate("1"));
        let traces: Vec<_> = (0..4000).map(|_| TraceId::random()).collect();
        let of = |tracer: &Tracer| traces.iter().filter(|trace| tracer.samples(**trace)).count();
        assert_eq!((of(&never), of(&always)), (0, 4000));
        assert!((800..1200).contains(&of(&some)), "{}", of(&some));
        assert!(traces.iter().all(|trace| !some.samples(*trace) || more.samples(*trace)));
    }
}

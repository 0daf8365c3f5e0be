use crate::metrics::Counter;

/// Spans that no collector will see, by reason.
#[derive(Debug, Clone)]
pub(super) struct Loss {
    pub queue_full: Counter,
    pub rejected: Counter,
    pub unreachable: Counter,
    /// Finished after the end of the drain.
    pub ended: Counter,
}

//! Do as many replicas answer as shall, whatever they are made of?

use super::{trouble::trouble, verdict::Verdict};
use crate::{
    api::Reason,
    observed::{Observed, Progress},
};

pub(super) fn available(progress: &Progress, observed: &Observed) -> Verdict {
    let Progress { wanted, available, .. } = progress;
    let count = format!("{available} of {wanted} replicas answer");
    if progress.exists && progress.seen && available >= wanted {
        return Verdict::yes(Reason::MinimumReplicasAvailable, count);
    }
    held_back(progress, observed, Reason::MinimumReplicasUnavailable, &count)
}

/// No, for what keeps the pods from answering, or else for `otherwise`.
pub(super) fn held_back(progress: &Progress, observed: &Observed, otherwise: Reason, count: &str) -> Verdict {
    let refused = || progress.refused.clone().map(|words| (Reason::PodsRefused, words));
    match trouble(&observed.pods).or_else(refused) {
        Some((reason, words)) => Verdict::no(reason, format!("{count}; {words}")),
        None => Verdict::no(otherwise, count),
    }
}

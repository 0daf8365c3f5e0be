//! Do as many replicas answer as were promised, whatever they are made of?

use super::{
    trouble::{stuck, trouble},
    verdict::Verdict,
};
use crate::{
    api::{MicroserviceSpec, Reason},
    observed::{Observed, Progress},
    plan::disruption::least_available,
};

pub(super) fn available(spec: &MicroserviceSpec, progress: &Progress, observed: &Observed) -> Verdict {
    let Progress { wanted, available, .. } = progress;
    let least = least_available(spec, *wanted, observed.foreign_autoscaler.is_some());
    let count = format!("{available} of {wanted} replicas answer");
    if progress.exists && progress.seen && *available >= least {
        return Verdict::yes(Reason::MinimumReplicasAvailable, count);
    }
    held_back(progress, observed, Reason::MinimumReplicasUnavailable, &count)
}

/// No, for what keeps the pods from answering, or else for `otherwise`.
pub(super) fn held_back(progress: &Progress, observed: &Observed, otherwise: Reason, count: &str) -> Verdict {
    let refused = || progress.refused.clone().map(|words| (Reason::PodsRefused, words));
    if let Some((reason, words)) = trouble(&observed.pods).or_else(refused) {
        return Verdict::no(reason, format!("{count}; {words}"));
    }
    match stuck(observed) {
        Some((reason, words)) => Verdict::no(reason.unwrap_or(otherwise), format!("{count}; {words}")),
        None => Verdict::no(otherwise, count),
    }
}

use k8s_openapi::{
    api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};

use crate::{
    api::Disruption,
    model::{
        ResolvedMicroservice,
        meta::{object_meta, selector},
    },
};

/// Keeps evictions from taking too many pods at a time. A pod that isn't ready helps nobody and may
/// always go: `AlwaysAllow`.
pub(super) fn build(resolved: &ResolvedMicroservice) -> PodDisruptionBudget {
    let Disruption { max_unavailable, min_available, .. } = &resolved.spec.disruption;
    let one = || min_available.is_none().then_some(IntOrString::Int(1));
    PodDisruptionBudget {
        metadata: object_meta(resolved),
        spec: Some(PodDisruptionBudgetSpec {
            selector: Some(selector(resolved)),
            max_unavailable: max_unavailable.clone().or_else(one),
            min_available: min_available.clone(),
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".into()),
        }),
        ..Default::default()
    }
}

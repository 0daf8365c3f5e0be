//! Pure: does a disruption budget let any pod go?

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::{
    api::{Disruption, MicroserviceSpec, Problem, Severity},
    model::Child,
};

/// A budget that never lets a pod go keeps nodes from being drained.
pub fn warning(spec: &MicroserviceSpec) -> Option<Problem> {
    if !Child::PodDisruptionBudget.is_wanted(spec) {
        return None;
    }
    let replicas = spec.least_replicas();
    let (field, evictable) = match &spec.disruption {
        Disruption { min_available: Some(min), .. } => ("minAvailable", replicas - count(min, replicas)),
        Disruption { max_unavailable: Some(max), .. } => ("maxUnavailable", count(max, replicas)),
        Disruption { .. } => return None,
    };
    (evictable <= 0).then(|| Problem {
        field: format!("spec.disruption.{field}"),
        severity: Severity::Warning,
        message: format!(
            "no pod of {replicas} may ever be evicted, so that a node that runs one can't be drained: allow one, such as by maxUnavailable: 1"
        ),
    })
}

/// Pods that have to answer for the service to count as available: what was promised, but for those that
/// an eviction or a rollout may take. What an autoscaler adds is on its way and was promised to nobody.
pub fn least_available(spec: &MicroserviceSpec, wanted: i32, scaled_by_others: bool) -> i32 {
    let is_scaled = spec.autoscaling.is_some() || scaled_by_others;
    let promised = if is_scaled { wanted.min(spec.least_replicas()) } else { wanted };
    let evicted = match &spec.disruption {
        _ if !Child::PodDisruptionBudget.is_wanted(spec) => 0,
        Disruption { min_available: Some(min), .. } => promised - count(min, promised),
        Disruption { max_unavailable: Some(max), .. } => count(max, promised),
        Disruption { .. } => 1,
    };
    // Of a rollout Kubernetes rounds down.
    let replaced = match &spec.rollout.max_unavailable {
        IntOrString::Int(count) => *count,
        IntOrString::String(share) => {
            share.trim_end_matches('%').parse::<i32>().unwrap_or_default() * promised / 100
        }
    };
    (promised - evicted.max(replaced)).clamp(promised.min(1), promised.max(0))
}

/// As Kubernetes counts for a budget: a share of a pod is a pod.
fn count(value: &IntOrString, replicas: i32) -> i32 {
    match value {
        IntOrString::Int(count) => *count,
        IntOrString::String(share) => {
            let percent: i32 = share.trim_end_matches('%').parse().unwrap_or_default();
            (percent * replicas + 99) / 100
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{least_available, warning};

    #[rstest]
    #[case::one("{}", 1, 1)]
    #[case::stopped(r#"{"stopped": true}"#, 0, 0)]
    #[case::an_eviction_takes_one(r#"{"replicas": 3}"#, 3, 2)]
    #[case::the_budget_lets_two_go(r#"{"replicas": 4, "disruption": {"maxUnavailable": "50%"}}"#, 4, 2)]
    #[case::by_what_must_stay(r#"{"replicas": 4, "disruption": {"minAvailable": 3}}"#, 4, 3)]
    #[case::no_budget(r#"{"replicas": 3, "disruption": {"enabled": false}}"#, 3, 3)]
    #[case::a_rollout_takes_some(
        r#"{"replicas": 4, "rollout": {"maxUnavailable": "50%"}, "disruption": {"enabled": false}}"#,
        4,
        2
    )]
    #[case::scaled_up(r#"{"autoscaling": {"minReplicas": 2, "maxReplicas": 9}}"#, 8, 1)]
    #[case::all_may_go(r#"{"replicas": 2, "disruption": {"maxUnavailable": 2}}"#, 2, 1)]
    fn available_is_what_was_promised(#[case] spec: &str, #[case] wanted: i32, #[case] expected: i32) {
        assert_eq!(least_available(&serde_json::from_str(spec).unwrap(), wanted, false), expected);
    }

    #[rstest]
    #[case(r#"{"replicas": 2, "disruption": {"maxUnavailable": 0}}"#, Some("spec.disruption.maxUnavailable"))]
    #[case(r#"{"replicas": 2, "disruption": {"maxUnavailable": "1%"}}"#, None)]
    #[case(r#"{"replicas": 3, "disruption": {"minAvailable": 3}}"#, Some("spec.disruption.minAvailable"))]
    #[case(r#"{"replicas": 3, "disruption": {"minAvailable": "67%"}}"#, Some("spec.disruption.minAvailable"))]
    #[case(r#"{"replicas": 3, "disruption": {"minAvailable": "66%"}}"#, None)]
    #[case(r#"{"replicas": 1, "disruption": {"minAvailable": 1}}"#, None)]
    #[case(r#"{"replicas": 2}"#, None)]
    #[case(r#"{"autoscaling": {"maxReplicas": 9}}"#, None)]
    #[case(r#"{"autoscaling": {"maxReplicas": 9}, "disruption": {"maxUnavailable": "10%"}}"#, None)]
    #[case(
        r#"{"autoscaling": {"maxReplicas": 9}, "disruption": {"minAvailable": "50%"}}"#,
        Some("spec.disruption.minAvailable")
    )]
    #[case(r#"{"autoscaling": {"maxReplicas": 1}, "disruption": {"minAvailable": 1}}"#, None)]
    fn a_budget_that_blocks_every_drain_is_said(#[case] spec: &str, #[case] field: Option<&str>) {
        let warning = warning(&serde_json::from_str(spec).unwrap());
        assert_eq!(warning.map(|problem| problem.field).as_deref(), field);
    }
}

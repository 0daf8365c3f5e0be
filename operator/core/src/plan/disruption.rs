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

    use super::warning;

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

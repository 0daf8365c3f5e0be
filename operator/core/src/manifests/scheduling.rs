//! Where pods go.

use k8s_openapi::api::core::v1::TopologySpreadConstraint;

use crate::model::{ResolvedMicroservice, meta::selector};

/// Spread over by default.
const DOMAINS: [&str; 2] = ["kubernetes.io/hostname", "topology.kubernetes.io/zone"];
/// Only pods of the same template count: else those that a rollout replaces would push the new ones
/// to where there is no balance when they are gone.
const TEMPLATE: &str = "pod-template-hash";

/// What the user says, else a wish to stand on different nodes and in different zones.
pub(super) fn topology_spread(resolved: &ResolvedMicroservice) -> Option<Vec<TopologySpreadConstraint>> {
    let wanted = resolved.spec.topology_spread.clone().unwrap_or_else(|| {
        let wish = |domain: &str| TopologySpreadConstraint {
            topology_key: domain.into(),
            max_skew: 1,
            when_unsatisfiable: "ScheduleAnyway".into(),
            ..Default::default()
        };
        DOMAINS.map(wish).into()
    });
    let all: Vec<_> = wanted.into_iter().map(|constraint| about_us(constraint, resolved)).collect();
    (!all.is_empty()).then_some(all)
}

/// Counts our own pods where the user doesn't say which.
fn about_us(
    constraint: TopologySpreadConstraint,
    resolved: &ResolvedMicroservice,
) -> TopologySpreadConstraint {
    match constraint.label_selector {
        Some(_) => constraint,
        None => TopologySpreadConstraint {
            label_selector: Some(selector(resolved)),
            match_label_keys: constraint.match_label_keys.or_else(|| Some(vec![TEMPLATE.into()])),
            ..constraint
        },
    }
}

#[cfg(test)]
mod tests {
    use super::topology_spread;
    use crate::model::ResolvedMicroservice;
    use serde_json::{from_value, json, to_value};

    #[test]
    fn pods_stand_apart_unless_the_user_says_otherwise() {
        let mut resolved = ResolvedMicroservice::example();
        let keys = |resolved: &ResolvedMicroservice| -> Vec<String> {
            topology_spread(resolved).into_iter().flatten().map(|c| c.topology_key).collect()
        };
        assert_eq!(keys(&resolved), ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]);
        resolved.spec.topology_spread = Some(Vec::new());
        assert_eq!(topology_spread(&resolved), None);
    }

    #[test]
    fn a_constraint_without_a_selector_counts_our_pods_and_one_with_it_is_left_alone() {
        let mut resolved = ResolvedMicroservice::example();
        let constraint = json!({"topologyKey": "rack", "maxSkew": 2, "whenUnsatisfiable": "DoNotSchedule"});
        let mut with_selector = constraint.clone();
        with_selector["labelSelector"] = json!({"matchLabels": {"a": "b"}});
        resolved.spec.topology_spread =
            Some(from_value(json!([constraint.clone(), with_selector.clone()])).unwrap());
        let mut filled_in = constraint;
        filled_in["labelSelector"] = json!({"matchLabels": {"microservice.dev/name": "example"}});
        filled_in["matchLabelKeys"] = json!(["pod-template-hash"]);
        assert_eq!(to_value(topology_spread(&resolved)).unwrap(), json!([filled_in, with_selector]));
    }
}

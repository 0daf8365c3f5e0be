//! Why an autoscaler does not scale, in its own words.

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscalerCondition;

use crate::{
    api::Problem,
    model::{Child, object::part},
    observed::Observed,
};

/// Its conditions are True while it works.
const HEALTHY: [&str; 2] = ["AbleToScale", "ScalingActive"];

/// At 0 replicas it rests.
const RESTING: &str = "ScalingDisabled";

/// What the autoscaler complains of.
pub fn trouble(observed: &Observed) -> Option<Problem> {
    let autoscaler = observed.ours(Child::HorizontalPodAutoscaler)?;
    let conditions: Vec<HorizontalPodAutoscalerCondition> = part(autoscaler, "/status/conditions")?;
    let complaint = conditions.into_iter().find(|condition| {
        HEALTHY.contains(&&*condition.type_)
            && condition.status == "False"
            && condition.reason.as_deref() != Some(RESTING)
    })?;
    let words = [complaint.reason, complaint.message].into_iter().flatten().collect::<Vec<_>>().join(": ");
    let message = format!("the HorizontalPodAutoscaler does not scale: {words}");
    Some(Problem::warning("spec.autoscaling", message))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rstest::rstest;
    use serde_json::json;

    use super::trouble;
    use crate::{
        model::Child,
        observed::{Entry, Live, Observed},
    };

    #[rstest]
    #[case(
        "ScalingActive",
        "False",
        "FailedGetResourceMetric",
        Some("the HorizontalPodAutoscaler does not scale: FailedGetResourceMetric: no metrics")
    )]
    #[case("ScalingActive", "False", "ScalingDisabled", None)]
    #[case("ScalingActive", "True", "ValidMetricFound", None)]
    #[case("ScalingLimited", "False", "DesiredWithinRange", None)]
    fn what_it_says_is_passed_on(
        #[case] type_: &str,
        #[case] status: &str,
        #[case] reason: &str,
        #[case] expected: Option<&str>,
    ) {
        let conditions =
            json!([{"type": type_, "status": status, "reason": reason, "message": "no metrics"}]);
        let autoscaler = json!({"metadata": {}, "status": {"conditions": conditions}});
        let entry = Entry { object: Arc::new(serde_json::from_value(autoscaler).unwrap()), settled: None };
        let mut observed = Observed::default();
        observed.children.insert(Child::HorizontalPodAutoscaler, Live::Ours(entry));
        assert_eq!(trouble(&observed).map(|problem| problem.message).as_deref(), expected);
    }
}

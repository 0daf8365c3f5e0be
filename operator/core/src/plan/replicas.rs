//! Pure: who decides the number of pods, and how it passes from one to the other without ever falling
//! below what runs. What must outlast a reconcile stands in an annotation of the Deployment.

use kube::{ResourceExt, core::DynamicObject};

use crate::{
    api::{MicroserviceSpec, Problem},
    model::{Child, Replicas, meta::REPLICAS_ANNOTATION, object::part},
    observed::Observed,
};

/// What the annotation says, `COUNT/REPLICAS`: who decided the number when `spec.replicas` was REPLICAS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Record {
    /// A number to come back to or to hold; none: the autoscaler's, which stands in the Deployment.
    count: Option<i32>,
    /// `spec.replicas` at that time: when the user changes it, it counts again.
    spec: i32,
}

const AUTOSCALER: &str = "autoscaler";

impl Record {
    fn of(deployment: &DynamicObject) -> Option<Self> {
        deployment.annotations().get(REPLICAS_ANNOTATION).and_then(|text| Self::parse(text))
    }

    fn parse(text: &str) -> Option<Self> {
        let (count, spec) = text.split_once('/')?;
        let count = if count == AUTOSCALER { None } else { Some(count.parse().ok()?) };
        Some(Self { count, spec: spec.parse().ok()? })
    }

    fn write(self) -> String {
        let Self { count, spec } = self;
        count.map_or_else(|| format!("{AUTOSCALER}/{spec}"), |count| format!("{count}/{spec}"))
    }
}

/// Fewer pods than there are, where the spec asks for that: it takes nothing that could be refused.
pub fn fewer(spec: &MicroserviceSpec, observed: &Observed) -> Option<i32> {
    let live = part(observed.ours(Child::Deployment)?, "/spec/replicas").unwrap_or(1);
    decide(spec, observed).applied.filter(|wanted| *wanted < live)
}

/// May an autoscaler that is not ours decide the number? Then it is looked for.
pub fn may_be_scaled_by_others(spec: &MicroserviceSpec, observed: &Observed) -> bool {
    let Some(deployment) = observed.ours(Child::Deployment) else { return false };
    let live = part(deployment, "/spec/replicas").unwrap_or(1);
    let decided = decide(spec, observed);
    let was_scaled = Record::of(deployment).is_some_and(|record| record.count.is_none());
    spec.autoscaling.is_none() && (was_scaled || decided.applied.is_some_and(|wanted| wanted != live))
}

/// Decides by the spec and by what the Deployment was.
pub fn decide(spec: &MicroserviceSpec, observed: &Observed) -> Replicas {
    let Some(deployment) = observed.ours(Child::Deployment) else {
        let first = spec.autoscaling.as_ref().map_or(spec.replicas, |autoscaling| autoscaling.min_replicas);
        return Replicas { applied: Some(if spec.stopped { 0 } else { first }), ..Replicas::default() };
    };
    let live = part(deployment, "/spec/replicas").unwrap_or(1);
    let before = Record::of(deployment);
    let scaled = before.filter(|before| before.count.is_none());
    // Until the autoscaler is deleted the number goes on being its own.
    let autoscaler_left = observed.ours(Child::HorizontalPodAutoscaler).is_some();
    let left = before.map(|before| before.count.unwrap_or(live));
    let held = before
        .zip(left)
        .filter(|(before, left)| before.spec == spec.replicas && *left > spec.replicas)
        .map(|(_, left)| left);
    let record = |count| Some(Record { count, spec: spec.replicas }.write());
    let version = scaled.and(deployment.resource_version());
    let scaled_by_others = observed.foreign_autoscaler.is_some();
    match (&spec.autoscaling, scaled) {
        _ if spec.stopped => {
            let resumed = if spec.autoscaling.is_some() || scaled_by_others {
                Some(left.unwrap_or(live))
            } else {
                held
            };
            let record = resumed.filter(|count| *count > 0).and_then(|count| record(Some(count)));
            Replicas { applied: Some(0), record, hand_over: None, version }
        }
        (Some(autoscaling), _) => {
            let decides = scaled.is_some() && live > 0;
            let start = left.unwrap_or(live).max(autoscaling.min_replicas);
            let hand_over = (!decides).then_some(start);
            Replicas { applied: None, record: record(None), hand_over, version: None }
        }
        // Two that set the number would do so for ever.
        (None, _) if scaled_by_others => {
            let hand_over = scaled.is_none().then_some(left.unwrap_or(live));
            Replicas { applied: None, record: record(None), hand_over, version: None }
        }
        (None, Some(scaled)) if autoscaler_left => {
            Replicas { record: Some(scaled.write()), ..Replicas::default() }
        }
        (None, _) => {
            let record = held.and_then(|count| record(Some(count)));
            Replicas { applied: Some(held.unwrap_or(spec.replicas)), record, hand_over: None, version }
        }
    }
}

/// What the user should know of the number.
pub fn warning(spec: &MicroserviceSpec, replicas: &Replicas, observed: &Observed) -> Option<Problem> {
    if let Some(foreign) = &observed.foreign_autoscaler {
        let message = format!(
            "is ignored while {foreign} scales the Deployment: delete it, and set spec.autoscaling where you want to scale by load"
        );
        return Some(Problem::warning("spec.replicas", message));
    }
    let message: String = match (&spec.autoscaling, replicas.applied) {
        (Some(_), _) if spec.replicas != 1 => {
            "is ignored while spec.autoscaling is set: remove it, and set autoscaling.minReplicas where you meant that"
                .into()
        }
        (None, Some(count)) if count > spec.replicas => format!(
            "is {}, but {count} replicas are kept, as the autoscaler left them: change spec.replicas to the number you want",
            spec.replicas
        ),
        _ => return None,
    };
    Some(Problem::warning("spec.replicas", message))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::observed::{Entry, Live};

    const AUTOSCALED: &str = r#"{"autoscaling": {"minReplicas": 2, "maxReplicas": 10}}"#;

    fn decided(spec: &str, live: Option<(i32, Option<&str>)>, autoscaler: bool) -> Replicas {
        decide(&serde_json::from_str(spec).unwrap(), &observed(live, autoscaler))
    }

    fn observed(live: Option<(i32, Option<&str>)>, autoscaler: bool) -> Observed {
        let ours = |object: Value| {
            Live::Ours(Entry { object: Arc::new(serde_json::from_value(object).unwrap()), settled: None })
        };
        let mut observed = Observed::default();
        if let Some((replicas, record)) = live {
            let annotations = record.map_or(json!({}), |record| json!({ REPLICAS_ANNOTATION: record }));
            let deployment = json!({"metadata": {"resourceVersion": "7", "annotations": annotations}, "spec": {"replicas": replicas}});
            observed.children.insert(Child::Deployment, ours(deployment));
        }
        if autoscaler {
            observed.children.insert(Child::HorizontalPodAutoscaler, ours(json!({"metadata": {}})));
        }
        observed
    }

    #[rstest]
    #[case::found("{}", (3, None), replicas(None, "autoscaler/1", Some(3)))]
    #[case::left_alone("{}", (7, Some("autoscaler/1")), replicas(None, "autoscaler/1", None))]
    #[case::the_spec_has_another_number(r#"{"replicas": 2}"#, (7, Some("autoscaler/1")), replicas(None, "autoscaler/2", None))]
    #[case::scaled_to_zero_by_it("{}", (0, Some("autoscaler/1")), replicas(None, "autoscaler/1", None))]
    #[case::stopped(r#"{"stopped": true}"#, (7, Some("autoscaler/1")), replicas(Some(0), "7/1", None))]
    #[case::resumed("{}", (0, Some("7/1")), replicas(None, "autoscaler/1", Some(7)))]
    fn nobody_fights_an_autoscaler_that_is_not_ours(
        #[case] spec: &str,
        #[case] live: (i32, Option<&str>),
        #[case] expected: Replicas,
    ) {
        let foreign_autoscaler = Some("HorizontalPodAutoscaler a".to_owned());
        let observed = Observed { foreign_autoscaler, ..observed(Some(live), false) };
        let spec = serde_json::from_str(spec).unwrap();
        let decided = decide(&spec, &observed);
        assert_eq!(Replicas { version: None, ..decided.clone() }, expected);
        let warning = warning(&spec, &decided, &observed).unwrap();
        assert!(warning.message.contains("while HorizontalPodAutoscaler a scales"), "{warning:?}");
    }

    #[rstest]
    #[case::as_wanted("{}", (1, None), false)]
    #[case::another_number("{}", (2, None), true)]
    #[case::was_scaled("{}", (1, Some("autoscaler/1")), true)]
    #[case::held("{}", (5, Some("5/1")), false)]
    #[case::scaled_by_ours(AUTOSCALED, (5, None), false)]
    #[case::stopped_and_scaled(r#"{"stopped": true}"#, (1, None), true)]
    fn an_autoscaler_is_looked_for_only_where_one_may_be(
        #[case] spec: &str,
        #[case] live: (i32, Option<&str>),
        #[case] expected: bool,
    ) {
        let spec = serde_json::from_str(spec).unwrap();
        assert_eq!(may_be_scaled_by_others(&spec, &observed(Some(live), false)), expected);
    }

    #[rstest]
    #[case::stopped(r#"{"replicas": 3, "stopped": true}"#, 3, Some(0))]
    #[case::fewer(r#"{"replicas": 2}"#, 3, Some(2))]
    #[case::more(r#"{"replicas": 5}"#, 3, None)]
    #[case::as_many(r#"{"replicas": 3}"#, 3, None)]
    #[case::autoscaled(AUTOSCALED, 1, None)]
    fn fewer_pods_need_no_valid_spec(#[case] spec: &str, #[case] live: i32, #[case] expected: Option<i32>) {
        let observed = observed(Some((live, None)), false);
        assert_eq!(fewer(&serde_json::from_str(spec).unwrap(), &observed), expected);
    }

    fn replicas(applied: Option<i32>, record: &str, hand_over: Option<i32>) -> Replicas {
        Replicas {
            applied,
            record: Some(record.to_owned()).filter(|record| !record.is_empty()),
            hand_over,
            version: None,
        }
    }

    #[rstest]
    #[case::plain(r#"{"replicas": 3}"#, None, false, replicas(Some(3), "", None))]
    #[case::drifted(r#"{"replicas": 3}"#, Some((5, None)), false, replicas(Some(3), "", None))]
    #[case::new_and_autoscaled(AUTOSCALED, None, false, replicas(Some(2), "", None))]
    #[case::handed_over_as_it_runs(AUTOSCALED, Some((5, None)), false, replicas(None, "autoscaler/1", Some(5)))]
    #[case::handed_over_from_the_least_on(AUTOSCALED, Some((1, None)), false, replicas(None, "autoscaler/1", Some(2)))]
    #[case::left_alone(AUTOSCALED, Some((7, Some("autoscaler/1"))), true, replicas(None, "autoscaler/1", None))]
    #[case::zero_switches_an_autoscaler_off(AUTOSCALED, Some((0, Some("autoscaler/1"))), true, replicas(None, "autoscaler/1", Some(2)))]
    #[case::until_the_autoscaler_is_gone("{}", Some((5, Some("autoscaler/1"))), true, replicas(None, "autoscaler/1", None))]
    #[case::held("{}", Some((5, Some("autoscaler/1"))), false, replicas(Some(5), "5/1", None))]
    #[case::held_on("{}", Some((5, Some("5/1"))), false, replicas(Some(5), "5/1", None))]
    #[case::drift_of_what_is_held("{}", Some((2, Some("5/1"))), false, replicas(Some(5), "5/1", None))]
    #[case::the_user_says_another_number(r#"{"replicas": 2}"#, Some((5, Some("5/1"))), false, replicas(Some(2), "", None))]
    #[case::the_user_says_so_at_once(r#"{"replicas": 2}"#, Some((5, Some("autoscaler/1"))), false, replicas(Some(2), "", None))]
    #[case::the_user_wants_more(r#"{"replicas": 9}"#, Some((5, Some("autoscaler/9"))), false, replicas(Some(9), "", None))]
    #[case::autoscaled_again(AUTOSCALED, Some((5, Some("5/1"))), false, replicas(None, "autoscaler/1", Some(5)))]
    #[case::stopped(r#"{"replicas": 3, "stopped": true}"#, Some((3, None)), false, replicas(Some(0), "", None))]
    #[case::new_and_stopped(r#"{"replicas": 3, "stopped": true}"#, None, false, replicas(Some(0), "", None))]
    #[case::resumed(r#"{"replicas": 3}"#, Some((0, None)), false, replicas(Some(3), "", None))]
    #[case::stopped_while_held(r#"{"stopped": true}"#, Some((5, Some("5/1"))), false, replicas(Some(0), "5/1", None))]
    #[case::stopped_while_autoscaled(r#"{"stopped": true, "autoscaling": {"maxReplicas": 9}}"#, Some((5, Some("autoscaler/1"))), true, replicas(Some(0), "5/1", None))]
    #[case::stays_stopped(r#"{"stopped": true, "autoscaling": {"maxReplicas": 9}}"#, Some((0, Some("5/1"))), false, replicas(Some(0), "5/1", None))]
    #[case::resumed_and_autoscaled(AUTOSCALED, Some((0, Some("5/1"))), false, replicas(None, "autoscaler/1", Some(5)))]
    #[case::words_of_others("{}", Some((5, Some("autoscaler"))), false, replicas(Some(1), "", None))]
    fn the_number_never_falls_by_a_change_of_hands(
        #[case] spec: &str,
        #[case] live: Option<(i32, Option<&str>)>,
        #[case] autoscaler: bool,
        #[case] expected: Replicas,
    ) {
        assert_eq!(Replicas { version: None, ..decided(spec, live, autoscaler) }, expected);
    }

    #[test]
    fn a_number_read_from_the_deployment_is_never_laid_over_a_later_one() {
        let seven = Some("7".to_owned());
        assert_eq!(decided("{}", Some((5, Some("autoscaler/1"))), false).version, seven);
        let stopped = r#"{"stopped": true, "autoscaling": {"maxReplicas": 9}}"#;
        assert_eq!(decided(stopped, Some((5, Some("autoscaler/1"))), true).version, seven);
        assert_eq!(decided("{}", Some((5, Some("5/1"))), false).version, None);
        assert_eq!(decided(AUTOSCALED, Some((5, Some("autoscaler/1"))), true).version, None);
    }

    #[rstest]
    #[case(r#"{"replicas": 3, "autoscaling": {"maxReplicas": 9}}"#, None, Some("is ignored"))]
    #[case(AUTOSCALED, None, None)]
    #[case("{}", Some(5), Some("is 1, but 5 replicas are kept"))]
    #[case("{}", Some(1), None)]
    fn a_number_that_does_not_count_is_said(
        #[case] spec: &str,
        #[case] applied: Option<i32>,
        #[case] says: Option<&str>,
    ) {
        let replicas = Replicas { applied, ..Replicas::default() };
        let warning = warning(&serde_json::from_str(spec).unwrap(), &replicas, &Observed::default());
        assert_eq!(warning.is_some(), says.is_some());
        assert!(warning.is_none_or(|w| w.message.contains(says.unwrap_or_default())));
    }
}

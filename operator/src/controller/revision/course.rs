//! Pure: what was decided about the pods, and what caused their last rollout.

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use kube::{ResourceExt, api::DynamicObject};

use super::history::{Outcome, Revision};
use crate::{
    api::{ConditionType, LastRollout, MicroserviceStatus, OnFailure, Reason, RolloutReason},
    build::{
        Child,
        meta::{REFERENCES_ANNOTATION, RESTARTED_ANNOTATION, TEMPLATE_ANNOTATION},
    },
    controller::{
        apply::{Applied, Cause},
        references::changed,
        store::template_annotation,
    },
};

/// What was decided about the pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Course {
    /// The pods are those of an older spec.
    pub rolled_back: Option<RolledBack>,
    /// The version of another operator that rendered the pods, where this one would make others.
    pub pinned_by: Option<String>,
    /// Digest of the pod template.
    pub template: String,
    /// The versions of what the spec names, as the pod template has them.
    pub references: Option<String>,
    /// What would cause a rollout: of the spec or of the operator, and by which fields.
    pub why: Option<(RolloutReason, Vec<String>)>,
}

/// A rollout that was taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolledBack {
    /// The spec's generation that failed.
    pub failed: i64,
    /// The one that runs.
    pub to: i64,
    /// Why it failed.
    pub words: String,
}

impl RolledBack {
    /// For people.
    pub fn message(&self) -> String {
        let Self { failed, to, words } = self;
        format!(
            "generation {failed} did not become ready and generation {to} runs again: {words}; change the spec to try again"
        )
    }
}

/// What became of the last revision's rollout, as far as the status knows. `good` is the revision that
/// could come back.
pub fn ended(
    status: &MicroserviceStatus,
    policy: OnFailure,
    last: &str,
    good: Option<&Revision>,
) -> Option<Outcome> {
    let find = |type_: ConditionType| {
        let type_: &str = type_.into();
        status.conditions.iter().find(|condition| condition.type_ == type_)
    };
    let has = |type_, reason: Reason| find(type_).is_some_and(|c| c.reason == <&str>::from(reason));
    // What never had a pod is not known to work.
    if has(ConditionType::Ready, Reason::AllReplicasReady) {
        return Some(Outcome::Ready);
    }
    let stalled = has(ConditionType::Progressing, Reason::ProgressDeadlineExceeded);
    let can_go_back = good.is_some_and(|good| good.name != last);
    let takes_back = stalled && can_go_back && policy == OnFailure::RollBack;
    let words = find(ConditionType::Ready).map(|ready| ready.message.clone());
    takes_back.then(|| Outcome::Failed(words.unwrap_or_default()))
}

/// The last rollout: a new one if the pod template was just changed, by us or by `kubectl rollout
/// restart`, else the old one.
pub fn last_rollout(
    old: Option<&LastRollout>,
    before: Option<&DynamicObject>,
    applied: &Applied,
    generation: i64,
    now: Timestamp,
) -> Option<LastRollout> {
    let course = &applied.course;
    let object = applied.objects.get(&Child::Deployment);
    let restarted = object.and_then(|object| template_annotation(object, RESTARTED_ANNOTATION));
    let template_before = before.and_then(|before| before.annotations().get(TEMPLATE_ANNOTATION));
    let is_other = template_before.is_some_and(|before| *before != course.template);
    let references_before = before.and_then(|before| template_annotation(before, REFERENCES_ANNOTATION));
    let references =
        changed(references_before.unwrap_or_default(), course.references.as_deref().unwrap_or_default());
    let cause = applied.changes.iter().find(|change| change.child == Child::Deployment).map(|c| &c.cause);
    let news = match cause {
        Some(Cause::Created) => Some((RolloutReason::Created, Vec::new())),
        Some(_) if is_other => course.why.clone(),
        Some(_) if before.is_some() && !references.is_empty() => {
            Some((RolloutReason::ReferenceChanged, references))
        }
        Some(Cause::Drifted(path)) if path.starts_with("spec.template") => {
            Some((RolloutReason::DriftRepaired, vec![path.clone()]))
        }
        _ => None,
    };
    let known = old.and_then(|old| old.restarted_at.as_deref());
    let (reason, changed_fields, time) = match (news, restarted) {
        (Some((reason, fields)), _) => (reason, fields, now),
        (None, Some(restarted)) if known != Some(restarted) => {
            (RolloutReason::Restarted, Vec::new(), restarted.parse().unwrap_or(now))
        }
        _ => return old.cloned(),
    };
    let restarted_at = restarted.or(known).map(ToOwned::to_owned);
    Some(LastRollout { reason, changed_fields, generation, time: Time(time), restarted_at })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::controller::apply::Change;
    use rstest::rstest;
    use serde_json::json;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn deployment(template: &str, restarted: Option<&str>) -> DynamicObject {
        serde_json::from_value(json!({
            "metadata": {"annotations": {TEMPLATE_ANNOTATION: template}},
            "spec": {"template": {"metadata": {"annotations": {RESTARTED_ANNOTATION: restarted}}}},
        }))
        .unwrap()
    }

    fn applied(restarted: Option<&str>, cause: Option<Cause>) -> Applied {
        let mut applied = Applied::default();
        applied.objects.insert(Child::Deployment, Arc::new(deployment("new", restarted)));
        applied.changes.extend(cause.map(|cause| Change { child: Child::Deployment, cause }));
        applied.course.template = "new".into();
        applied.course.why = Some((RolloutReason::SpecChanged, vec!["spec.image".into()]));
        applied
    }

    #[rstest]
    #[case::first(None, Some(Cause::Created), Some(RolloutReason::Created))]
    #[case::spec(Some("old"), Some(Cause::Updated), Some(RolloutReason::SpecChanged))]
    #[case::replicas_only(Some("new"), Some(Cause::Updated), None)]
    #[case::made_by_an_operator_without_the_mark(None, Some(Cause::Updated), None)]
    #[case::drift(Some("new"), Some(Cause::Drifted("spec.template.spec.containers".into())), Some(RolloutReason::DriftRepaired))]
    #[case::drift_elsewhere(Some("new"), Some(Cause::Drifted("spec.strategy".into())), None)]
    #[case::at_rest(Some("new"), None, None)]
    fn a_new_pod_template_has_a_cause(
        #[case] before: Option<&str>,
        #[case] cause: Option<Cause>,
        #[case] reason: Option<RolloutReason>,
    ) {
        let before = before.map(|template| deployment(template, None));
        let found = last_rollout(None, before.as_ref(), &applied(None, cause), 7, NOW);
        assert_eq!(found.as_ref().map(|r| r.reason), reason);
        if reason == Some(RolloutReason::SpecChanged) {
            assert_eq!(found.unwrap().changed_fields, ["spec.image"]);
        }
    }

    #[test]
    fn a_reference_that_changed_is_named() {
        let mut before = deployment("new", None);
        before.data["spec"]["template"]["metadata"]["annotations"][REFERENCES_ANNOTATION] =
            json!("Secret/a=1 Secret/b=1");
        let mut applied = applied(None, Some(Cause::Updated));
        applied.course.references = Some("Secret/a=1 Secret/b=2".into());
        let found = last_rollout(None, Some(&before), &applied, 7, NOW).unwrap();
        assert_eq!(
            (found.reason, found.changed_fields),
            (RolloutReason::ReferenceChanged, vec!["Secret/b".into()])
        );
    }

    /// peers: opentelemetry-operator#1300
    #[test]
    fn a_restart_by_kubectl_is_told_once() {
        let before = deployment("new", None);
        let at = "2026-01-01T00:00:00Z";
        let first = last_rollout(None, Some(&before), &applied(Some(at), None), 7, NOW).unwrap();
        assert_eq!(first.reason, RolloutReason::Restarted);
        assert_eq!(first.time.0.to_string(), at);
        let again = last_rollout(Some(&first), Some(&before), &applied(Some(at), None), 7, NOW).unwrap();
        assert_eq!(again, first);
        let old = deployment("old", Some(at));
        let change = applied(Some(at), Some(Cause::Updated));
        let spec = last_rollout(Some(&first), Some(&old), &change, 8, NOW).unwrap();
        assert_eq!((spec.reason, spec.restarted_at.as_deref()), (RolloutReason::SpecChanged, Some(at)));
        let quiet = last_rollout(Some(&spec), Some(&before), &applied(Some(at), None), 8, NOW).unwrap();
        assert_eq!(quiet, spec, "the restart of before is no news");
    }
}

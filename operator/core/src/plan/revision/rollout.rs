//! What caused the last rollout of the pods, and what became of it.

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use kube::{ResourceExt, core::DynamicObject};
use serde_json::{Value, json};

use super::decision::RolloutDecision;
use crate::{
    api::{ConditionType, LastRollout, MicroserviceStatus, OnFailure, Reason, RolloutReason},
    model::{
        Child,
        meta::{REFERENCES_ANNOTATION, RESTARTED_ANNOTATION, ROLLOUT_ANNOTATION, TEMPLATE_ANNOTATION},
        object::template_annotation,
    },
    observed::{Outcome, Revision, RolloutCause},
    plan::{
        applied::{Applied, WriteCause},
        references::changed,
    },
};

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

/// What a write of the Deployment does to the pods, if anything, as the Deployment says it; `before` is
/// the Deployment as it was. The same each time that the same is written, so without a time.
pub fn rollout_note(
    before: Option<&DynamicObject>,
    decision: &RolloutDecision,
    cause: &WriteCause,
) -> Option<String> {
    let RolloutCause(reason, changed_fields) = match (cause, before) {
        (WriteCause::Created, _) | (_, None) => RolloutCause(RolloutReason::Created, Vec::new()),
        (WriteCause::Adopted | WriteCause::Updated | WriteCause::Drifted(_), Some(before)) => {
            caused(before, decision)?
        }
    };
    let restarted_at = before.and_then(|before| template_annotation(before, RESTARTED_ANNOTATION));
    let rollout = LastRollout {
        reason,
        changed_fields,
        generation: decision.generation,
        time: Time(Timestamp::UNIX_EPOCH),
        template: decision.pods(),
        restarted_at: restarted_at.map(ToOwned::to_owned),
    };
    let mut words = serde_json::to_value(rollout).ok()?;
    words.as_object_mut()?.remove("time");
    Some(words.to_string())
}

/// What the Deployment says, as told now.
fn written(deployment: &DynamicObject, now: Timestamp) -> Option<LastRollout> {
    let mut words: Value = serde_json::from_str(deployment.annotations().get(ROLLOUT_ANNOTATION)?).ok()?;
    words.as_object_mut()?.insert("time".into(), json!(Time(now)));
    serde_json::from_value(words).ok()
}

fn caused(before: &DynamicObject, decision: &RolloutDecision) -> Option<RolloutCause> {
    let template = before.annotations().get(TEMPLATE_ANNOTATION);
    if template.is_some_and(|template| *template != decision.template) {
        return decision.cause.clone();
    }
    let references = template_annotation(before, REFERENCES_ANNOTATION).unwrap_or_default();
    let references = changed(references, decision.references.as_deref().unwrap_or_default());
    (!references.is_empty()).then_some(RolloutCause(RolloutReason::ReferenceChanged, references))
}

/// The last rollout: what the Deployment says of it, unless `kubectl rollout restart` or a repair came
/// after that.
pub fn last_rollout(
    old: Option<&LastRollout>,
    applied: &Applied,
    generation: i64,
    now: Timestamp,
) -> Option<LastRollout> {
    let deployment = applied.objects.get(&Child::Deployment);
    let restarted = deployment.and_then(|deployment| template_annotation(deployment, RESTARTED_ANNOTATION));
    let other = |reason, changed_fields, time| {
        let restarted_at = restarted.map(ToOwned::to_owned);
        let (time, template) = (Time(time), applied.decision.pods());
        Some(LastRollout { reason, changed_fields, generation, time, template, restarted_at })
    };
    // Only after the write it is known whether it was one: the API server has its own words for some fields.
    let repaired = applied.changes.iter().find_map(|change| match &change.cause {
        WriteCause::Drifted(path)
            if change.child == Child::Deployment && path.starts_with("spec.template") =>
        {
            Some(path)
        }
        _ => None,
    });
    if let Some(path) = repaired {
        return other(RolloutReason::DriftRepaired, vec![path.clone()], now);
    }
    let written = deployment.and_then(|deployment| written(deployment, now));
    let is_told = |old: &&LastRollout| {
        written.as_ref().is_none_or(|written| {
            let is_repaired = old.reason == RolloutReason::DriftRepaired && old.template == written.template;
            // An older definition of Microservices keeps no digest.
            let template = Some(&old.template).filter(|old| old.is_empty()).unwrap_or(&written.template);
            let (time, template) = (old.time.clone(), template.clone());
            is_repaired || **old == LastRollout { time, template, ..written.clone() }
        })
    };
    let last = old.filter(is_told).or(written.as_ref());
    let (known, told) =
        (last.and_then(|last| last.restarted_at.as_deref()), old.and_then(|old| old.restarted_at.as_deref()));
    match restarted {
        // Told already, and nothing came after it.
        Some(restarted) if known != Some(restarted) && told == Some(restarted) => old.cloned(),
        Some(restarted) if known != Some(restarted) => {
            other(RolloutReason::Restarted, Vec::new(), restarted.parse().unwrap_or(now))
        }
        _ => last.cloned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::plan::applied::Change;
    use rstest::rstest;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn deployment(template: &str, restarted: Option<&str>) -> DynamicObject {
        serde_json::from_value(json!({
            "metadata": {"annotations": {TEMPLATE_ANNOTATION: template}},
            "spec": {"template": {"metadata": {"annotations": {RESTARTED_ANNOTATION: restarted}}}},
        }))
        .unwrap()
    }

    fn with_references(template: &str, restarted: Option<&str>) -> DynamicObject {
        let mut deployment = deployment(template, restarted);
        deployment.data["spec"]["template"]["metadata"]["annotations"][REFERENCES_ANNOTATION] =
            json!("Secret/a=1 Secret/b=2");
        deployment
    }

    /// What is told after a write of the Deployment, or without one.
    fn told(
        old: Option<&LastRollout>,
        before: Option<&DynamicObject>,
        restarted: Option<&str>,
        cause: Option<WriteCause>,
    ) -> Option<LastRollout> {
        let decision = RolloutDecision {
            template: "new".into(),
            references: Some("Secret/a=1 Secret/b=2".into()),
            cause: Some(RolloutCause(RolloutReason::SpecChanged, vec!["spec.image".into()])),
            generation: 7,
            ..RolloutDecision::default()
        };
        let mut now = deployment("new", restarted);
        let written = cause.as_ref().and_then(|cause| rollout_note(before, &decision, cause));
        let written = written
            .or_else(|| before.and_then(|before| before.annotations().get(ROLLOUT_ANNOTATION).cloned()));
        now.annotations_mut().extend(written.map(|written| (ROLLOUT_ANNOTATION.into(), written)));
        let mut applied = Applied { decision, ..Applied::default() };
        applied.objects.insert(Child::Deployment, Arc::new(now.clone()));
        // Whoever comes after a death knows nothing of a write.
        let found = last_rollout(old, &applied, 7, NOW);
        applied.changes.extend(cause.map(|cause| Change { child: Child::Deployment, cause }));
        let at_once = last_rollout(old, &applied, 7, NOW);
        if at_once.as_ref().is_none_or(|rollout| rollout.reason != RolloutReason::DriftRepaired) {
            assert_eq!(found, at_once);
        }
        at_once
    }

    #[rstest]
    #[case::first(None, Some(WriteCause::Created), Some(RolloutReason::Created))]
    #[case::spec(Some("old"), Some(WriteCause::Updated), Some(RolloutReason::SpecChanged))]
    #[case::replicas_only(Some("new"), Some(WriteCause::Updated), None)]
    #[case::drift(Some("new"), Some(WriteCause::Drifted("spec.template.spec.containers".into())), Some(RolloutReason::DriftRepaired))]
    #[case::drift_elsewhere(Some("new"), Some(WriteCause::Drifted("spec.strategy".into())), None)]
    #[case::at_rest(Some("new"), None, None)]
    fn a_new_pod_template_has_a_cause(
        #[case] before: Option<&str>,
        #[case] cause: Option<WriteCause>,
        #[case] reason: Option<RolloutReason>,
    ) {
        let before = before.map(|template| with_references(template, None));
        let found = told(None, before.as_ref(), None, cause);
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
        let found = told(None, Some(&before), None, Some(WriteCause::Updated)).unwrap();
        assert_eq!(
            (found.reason, found.changed_fields),
            (RolloutReason::ReferenceChanged, vec!["Secret/b".into()])
        );
    }

    /// peers: opentelemetry-operator#1300
    #[test]
    fn a_restart_by_kubectl_is_told_once() {
        let before = with_references("new", None);
        let at = "2026-01-01T00:00:00Z";
        let first = told(None, Some(&before), Some(at), None).unwrap();
        assert_eq!(first.reason, RolloutReason::Restarted);
        assert_eq!(first.time.0.to_string(), at);
        assert_eq!(told(Some(&first), Some(&before), Some(at), None).unwrap(), first);
        let old = with_references("old", Some(at));
        let spec = told(Some(&first), Some(&old), Some(at), Some(WriteCause::Updated)).unwrap();
        assert_eq!((spec.reason, spec.restarted_at.as_deref()), (RolloutReason::SpecChanged, Some(at)));
        let mut rests = with_references("new", Some(at));
        let written = serde_json::to_string(&spec).unwrap();
        rests.annotations_mut().insert(ROLLOUT_ANNOTATION.into(), written);
        let quiet = told(Some(&spec), Some(&rests), Some(at), None).unwrap();
        assert_eq!(quiet, spec, "the restart of before is no news");
        let repair = WriteCause::Drifted("spec.template.spec".into());
        let repaired = told(Some(&quiet), Some(&rests), Some(at), Some(repair)).unwrap();
        assert_eq!(repaired.reason, RolloutReason::DriftRepaired);
        assert_eq!(told(Some(&repaired), Some(&rests), Some(at), None).unwrap(), repaired);
        let again = "2026-01-01T00:00:01Z";
        let second = told(Some(&repaired), Some(&rests), Some(again), None).unwrap();
        assert_eq!(second.reason, RolloutReason::Restarted);
        assert_eq!(told(Some(&second), Some(&rests), Some(again), None).unwrap(), second);
    }
}

//! Does every replica run this generation and answer?

use super::{
    available::held_back,
    progressing::{paused_words, updated},
    situation::{Policy, Situation},
    verdict::Verdict,
};
use crate::{api::Reason, observed::Workers, plan::resize::resizing};

const POLICIES: [Policy; 9] = [
    not_applied,
    rolled_back,
    rolling_out,
    unavailable,
    lagging,
    unasked,
    resized_later,
    stopped,
    scaled_to_zero,
];

pub(super) fn ready(situation: &Situation<'_>) -> Verdict {
    let all = || Verdict::yes(Reason::AllReplicasReady, count(situation));
    situation.judge(&POLICIES).unwrap_or_else(all)
}

fn count(Situation { progress, .. }: &Situation<'_>) -> String {
    format!("{} of {} replicas answer", progress.ready, progress.wanted)
}

fn not_applied(Situation { applied, .. }: &Situation<'_>) -> Option<Verdict> {
    let failure = applied.failures.iter().find(|error| !error.is_about_monitoring())?;
    Some(Verdict::no(Reason::ApplyFailed, failure.words()))
}

fn rolled_back(Situation { applied, .. }: &Situation<'_>) -> Option<Verdict> {
    let back = applied.decision.rolled_back.as_ref()?;
    Some(Verdict::no(Reason::RolledBack, back.message()))
}

fn rolling_out(situation: &Situation<'_>) -> Option<Verdict> {
    let Situation { progress, observed, .. } = situation;
    if !progress.is_complete() && progress.paused {
        return Some(Verdict::no(Reason::Paused, paused_words(situation)));
    }
    (!progress.is_complete()).then(|| held_back(progress, observed, Reason::RollingOut, &updated(progress)))
}

fn unavailable(situation: &Situation<'_>) -> Option<Verdict> {
    let Situation { progress, observed, .. } = situation;
    let lacks = progress.available < progress.wanted || progress.ready < progress.wanted;
    lacks.then(|| held_back(progress, observed, Reason::MinimumReplicasUnavailable, &count(situation)))
}

fn lagging(Situation { resolved, observed, progress, .. }: &Situation<'_>) -> Option<Verdict> {
    let wanted = Workers::wanted(&resolved.spec);
    let behind = observed.lagging(wanted).count();
    let (all, workers) = (progress.wanted, wanted.workers);
    let words = format!("{behind} of {all} replicas do not run {workers} workers yet");
    (behind > 0).then(|| Verdict::no(Reason::ConcurrencyLagging, words))
}

fn unasked(Situation { resolved, observed, progress, .. }: &Situation<'_>) -> Option<Verdict> {
    let wanted = Workers::wanted(&resolved.spec);
    let unknown = observed.unknown_workers(wanted);
    let (all, workers, name) = (progress.wanted, wanted.workers, &resolved.child_name);
    let words = format!(
        "{unknown} of {all} replicas can't be asked for their workers and started before {workers} were wanted: kubectl rollout restart deployment/{name}, or write concurrencyChange: Restart"
    );
    (unknown > 0).then(|| Verdict::no(Reason::ConcurrencyLagging, words))
}

fn resized_later(Situation { resolved, observed, progress, .. }: &Situation<'_>) -> Option<Verdict> {
    let resizing = resizing(&resolved.spec, observed).count();
    let (all, workers) = (progress.wanted, resolved.spec.concurrency);
    let words = format!("{resizing} of {all} replicas do not have the resources of {workers} workers yet");
    (resizing > 0).then(|| Verdict::no(Reason::Resizing, words))
}

fn stopped(Situation { resolved, .. }: &Situation<'_>) -> Option<Verdict> {
    resolved.spec.stopped.then(|| Verdict::yes(Reason::Stopped, "spec.stopped is true"))
}

fn scaled_to_zero(Situation { progress, .. }: &Situation<'_>) -> Option<Verdict> {
    (progress.wanted == 0).then(|| Verdict::yes(Reason::ScaledToZero, "spec.replicas is 0"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::{
        model::{Child, Class, Error, Refusal},
        observed::{Answer, Entry, Live},
        plan::revision::RolledBack,
        status::situation::tests::Scene,
    };

    fn refused(kind: &'static str) -> Error {
        let source = Refusal { class: Class::User, words: "no".into() };
        Error::Apply { kind, source }
    }

    #[test]
    fn what_was_refused_comes_first_but_for_monitoring() {
        let says = |kind| Scene::says(not_applied, |scene| scene.applied.failures.push(refused(kind)));
        assert_eq!(says("Service"), Some((Reason::ApplyFailed, "applying Service failed: no".into())));
        assert_eq!(says("ServiceMonitor"), None);
    }

    #[test]
    fn a_spec_that_was_taken_back_is_not_ready_whatever_runs() {
        let back = RolledBack { failed: 3, to: 2, words: "no image".into() };
        let said = Scene::says(rolled_back, |scene| scene.applied.decision.rolled_back = Some(back.clone()));
        assert_eq!(said, Some((Reason::RolledBack, back.message())));
    }

    #[test]
    fn old_pods_are_a_rollout() {
        let said = Scene::says(rolling_out, |scene| scene.progress.updated = 1);
        let words = "1 of 2 replicas are made from the current spec, 1 from an older one";
        assert_eq!(said, Some((Reason::RollingOut, words.into())));
    }

    #[test]
    fn pods_that_do_not_answer_are_counted_with_what_keeps_them() {
        let said = Scene::says(unavailable, |scene| scene.progress.ready = 1);
        assert_eq!(said, Some((Reason::MinimumReplicasUnavailable, "1 of 2 replicas answer".into())));
        let said = Scene::says(unavailable, |scene| {
            scene.progress.available = 1;
            scene.progress.refused = Some("exceeded quota".into());
        });
        assert_eq!(said, Some((Reason::PodsRefused, "2 of 2 replicas answer; exceeded quota".into())));
    }

    #[test]
    fn pods_with_another_number_of_workers_lag() {
        let said = Scene::says(lagging, |scene| {
            let pod = json!({"metadata": {"name": "p", "uid": "u"}});
            scene.observed.pods.push(Arc::new(serde_json::from_value(pod).unwrap()));
            let runs = Answer::Runs(Workers { workers: 2, requests_per_worker: 1 });
            scene.observed.workers.insert("u".into(), runs);
        });
        let words = "1 of 2 replicas do not run 4 workers yet";
        assert_eq!(said, Some((Reason::ConcurrencyLagging, words.into())));
    }

    #[test]
    fn pods_that_can_t_be_asked_count_only_where_they_started_with_the_number() {
        let says = |started: &str| {
            Scene::says(unasked, |scene| {
                let state = json!({"name": "service", "ready": true, "restartCount": 0, "image": "", "imageID": "", "state": {"running": {"startedAt": started}}});
                let pod =
                    json!({"metadata": {"name": "p", "uid": "u"}, "status": {"containerStatuses": [state]}});
                scene.observed.pods.push(Arc::new(serde_json::from_value(pod).unwrap()));
                scene.observed.workers.insert("u".into(), Answer::Unsupported);
                let entry = json!({"manager": "microservice-operator", "operation": "Apply", "time": "2026-01-01T00:00:10Z"});
                let map = json!({"metadata": {"managedFields": [entry]}});
                let entry = Entry { object: Arc::new(serde_json::from_value(map).unwrap()), settled: None };
                scene.observed.children.insert(Child::ConfigMap, Live::Ours(entry));
            })
        };
        let (reason, words) = says("2026-01-01T00:00:09Z").unwrap();
        assert_eq!(reason, Reason::ConcurrencyLagging);
        assert!(words.starts_with("1 of 2 replicas can't be asked") && words.contains("Restart"), "{words}");
        assert_eq!(says("2026-01-01T00:00:10Z"), None);
    }

    #[test]
    fn pods_without_the_resources_of_their_workers_are_resized_first() {
        let said = Scene::says(resized_later, |scene| {
            let each = json!({"requests": {"memory": "16Mi"}});
            scene.resolved.spec.resources_per_worker = Some(serde_json::from_value(each).unwrap());
            scene.observed.resizable = true;
            let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "service"}]}});
            scene.observed.pods.push(Arc::new(serde_json::from_value(pod).unwrap()));
        });
        let words = "1 of 2 replicas do not have the resources of 4 workers yet";
        assert_eq!(said, Some((Reason::Resizing, words.into())));
    }

    #[test]
    fn nothing_that_shall_run_is_ready_without_pods() {
        let said = Scene::says(stopped, |scene| scene.resolved.spec.stopped = true);
        assert_eq!(said, Some((Reason::Stopped, "spec.stopped is true".into())));
        let said = Scene::says(scaled_to_zero, |scene| scene.progress.wanted = 0);
        assert_eq!(said, Some((Reason::ScaledToZero, "spec.replicas is 0".into())));
    }

    #[test]
    fn who_has_nothing_to_say_is_passed_over() {
        let mut scene = Scene::at_rest();
        assert_eq!(ready(&scene.situation()).1, Reason::AllReplicasReady);
        scene.progress.ready = 1;
        scene.resolved.spec.stopped = true;
        assert_eq!(ready(&scene.situation()).1, Reason::MinimumReplicasUnavailable);
    }
}

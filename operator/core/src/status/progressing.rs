//! Are pods being replaced?

use super::{
    situation::{Policy, Situation},
    verdict::Verdict,
};
use crate::{api::Reason, observed::Progress};

const POLICIES: [Policy; 4] = [rolled_back, complete, paused, stalled];

pub(super) fn progressing(situation: &Situation<'_>) -> Verdict {
    let rolling_out = || Verdict::yes(Reason::RollingOut, updated(situation.progress));
    situation.judge(&POLICIES).unwrap_or_else(rolling_out)
}

fn rolled_back(Situation { applied, progress, .. }: &Situation<'_>) -> Option<Verdict> {
    let back = applied.decision.rolled_back.as_ref()?;
    Some(Verdict(Some(!progress.is_complete()), Reason::RolledBack, back.message()))
}

fn complete(Situation { applied, progress, .. }: &Situation<'_>) -> Option<Verdict> {
    progress.is_complete().then(|| {
        let pinned = applied.decision.pinned_by.as_ref().map(|version| {
            format!(
                ", as operator {version} made them; a change of the pods' spec or upgradePolicy: Auto makes them anew"
            )
        });
        let words = format!("every pod is made from the current spec{}", pinned.unwrap_or_default());
        Verdict::no(Reason::RolloutComplete, words)
    })
}

fn paused(situation: &Situation<'_>) -> Option<Verdict> {
    situation.progress.paused.then(|| Verdict::no(Reason::Paused, paused_words(situation)))
}

/// What holds the rollout, and how it goes on.
pub(super) fn paused_words(Situation { resolved, progress, .. }: &Situation<'_>) -> String {
    let name = &resolved.child_name;
    format!("{}; the Deployment is paused: kubectl rollout resume deployment/{name}", updated(progress))
}

fn stalled(Situation { progress, .. }: &Situation<'_>) -> Option<Verdict> {
    Some(Verdict::no(Reason::ProgressDeadlineExceeded, progress.stalled.clone()?))
}

/// How many replicas are of the current spec.
pub(super) fn updated(progress: &Progress) -> String {
    let Progress { wanted, updated, total, .. } = progress;
    match total - updated {
        old if old > 0 => {
            format!("{updated} of {wanted} replicas are made from the current spec, {old} from an older one")
        }
        _ => format!("{updated} of {wanted} replicas are made from the current spec"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{plan::revision::RolledBack, status::situation::tests::Scene};

    #[test]
    fn going_back_is_a_rollout_until_it_is_complete() {
        let mut scene = Scene::at_rest();
        scene.applied.decision.rolled_back = Some(RolledBack { failed: 3, to: 2, words: "no image".into() });
        scene.progress.updated = 1;
        assert_eq!(rolled_back(&scene.situation()).unwrap().0, Some(true));
        scene.progress.updated = 2;
        assert_eq!(rolled_back(&scene.situation()).unwrap().0, Some(false));
    }

    #[test]
    fn who_made_the_pods_is_said_where_it_was_another() {
        let mut scene = Scene::at_rest();
        let words = |scene: &Scene| complete(&scene.situation()).unwrap().2;
        assert_eq!(words(&scene), "every pod is made from the current spec");
        scene.applied.decision.pinned_by = Some("0.9".into());
        assert!(words(&scene).contains("as operator 0.9 made them"));
        scene.progress.updated = 1;
        assert_eq!(complete(&scene.situation()), None);
    }

    #[test]
    fn a_rollout_that_somebody_paused_says_how_it_goes_on() {
        let mut scene = Scene::at_rest();
        scene.progress.paused = true;
        assert_eq!(progressing(&scene.situation()).1, Reason::RolloutComplete, "nothing is held up");
        scene.progress.updated = 1;
        let Verdict(status, reason, words) = progressing(&scene.situation());
        assert_eq!((status, reason), (Some(false), Reason::Paused));
        assert!(words.contains("kubectl rollout resume deployment/example"), "{words}");
    }

    #[test]
    fn a_rollout_that_was_given_up_says_so() {
        let said = Scene::says(stalled, |scene| scene.progress.stalled = Some("m".into()));
        assert_eq!(said, Some((Reason::ProgressDeadlineExceeded, "m".into())));
    }
}

//! The new status from the old one, what was observed and what was applied.

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp};
use strum::VariantArray;

use super::{
    autoscaler,
    available::available,
    conditions,
    inventory::inventory,
    monitored::{monitored, unselected, without_rules},
    progressing::progressing,
    ready::ready,
    situation::Situation,
    verdict::Verdict,
    warnings::warnings,
};
use crate::{
    api::{
        Capacity, ConcurrencyChange, ConditionType, MicroserviceSpec, MicroserviceStatus, Problem, Reason,
        Severity, condition, split_image,
    },
    manifests::overridden,
    model::{
        Child, Error, ResolvedMicroservice,
        meta::{NAME_LABEL, service_url},
    },
    observed::{Observed, Progress, Verification, Workers},
    plan::{Applied, Rejection, revision::last_rollout},
};

/// Places in the service's queue for each request it works on (contract 1.9).
const QUEUE_FACTOR: i32 = 10;

/// Of a Microservice that is.
const SUSPENDED: &str = "spec.suspend is true: nothing is changed, and drift stays, until it is false";

fn suspended(status: Option<bool>) -> Verdict {
    Verdict(status, Reason::Suspended, SUSPENDED.into())
}

/// What a reconcile came to.
pub enum Reconciled<'a> {
    /// Nothing was changed.
    Rejected(&'a Rejection, &'a MicroserviceSpec),
    /// The cluster could not be read.
    Unread(&'a Error),
    /// The children were applied, as far as the API server took them.
    Applied(&'a ResolvedMicroservice, &'a Applied),
}

/// The status to write if it differs from `old`. `now` only enters where a condition flips.
pub fn next(
    old: &MicroserviceStatus,
    generation: i64,
    reconciled: &Reconciled<'_>,
    observed: &Observed,
    now: Timestamp,
) -> MicroserviceStatus {
    let seal = |type_, Verdict(status, reason, message): Verdict| {
        condition(type_, status, reason, message, generation, now)
    };
    let base = MicroserviceStatus { observed_generation: generation, ..old.clone() };
    let (mut status, new) = match reconciled {
        Reconciled::Rejected(rejection, spec) => rejected(base, rejection, spec, observed, seal),
        // Nothing of this generation was looked at.
        Reconciled::Unread(error) => unread(old.clone(), error, seal),
        Reconciled::Applied(resolved, applied) => {
            let (status, conditions) = accepted(base, resolved, applied, observed, seal);
            let last = last_rollout(old.last_rollout.as_ref(), applied, generation, now);
            (MicroserviceStatus { last_rollout: last, ..status }, conditions)
        }
    };
    status.conditions = conditions::with_old_times(&old.conditions, new);
    status
}

/// What was known before stands, but for whether it is so now.
fn unread(
    base: MicroserviceStatus,
    error: &Error,
    seal: impl Fn(ConditionType, Verdict) -> Condition,
) -> (MicroserviceStatus, Vec<Condition>) {
    let of = |type_: ConditionType| {
        let name: &str = type_.into();
        let known = base.conditions.iter().find(|condition| condition.type_ == name).cloned();
        known.unwrap_or_else(|| seal(type_, Verdict::unknown(Reason::Pending, "nothing was read yet")))
    };
    let mut new: Vec<_> = ConditionType::VARIANTS.iter().map(|type_| of(*type_)).collect();
    new.retain(|condition| condition.type_ != <&str>::from(ConditionType::Ready));
    new.push(seal(ConditionType::Ready, Verdict::unknown(Reason::ReadFailed, error.words())));
    (MicroserviceStatus { problems: vec![problem(error)], ..base }, new)
}

fn rejected(
    base: MicroserviceStatus,
    rejection: &Rejection,
    spec: &MicroserviceSpec,
    observed: &Observed,
    seal: impl Fn(ConditionType, Verdict) -> Condition,
) -> (MicroserviceStatus, Vec<Condition>) {
    let all: Vec<_> = rejection.problems.iter().map(|p| format!("{} {}", p.field, p.message)).collect();
    let message = all.join("; ");
    // What runs goes on running, and is shown as it is.
    let progress = Progress::of(observed.ours(Child::Deployment).map(|deployment| &**deployment));
    let pending = "until the spec is accepted nothing is changed, but that fewer replicas are kept where it asks for fewer";
    let (progressing, ready) = if spec.suspend {
        (suspended(Some(false)), suspended(None))
    } else {
        (Verdict::no(Reason::Pending, pending), Verdict::no(rejection.reason, message.clone()))
    };
    let new = vec![
        seal(ConditionType::Accepted, Verdict::no(rejection.reason, message)),
        seal(ConditionType::Available, available(spec, &progress, observed)),
        seal(ConditionType::Progressing, progressing),
        seal(ConditionType::Monitored, Verdict::unknown(Reason::Pending, pending)),
        seal(ConditionType::Verified, verified(observed)),
        seal(ConditionType::Ready, ready),
    ];
    (MicroserviceStatus { problems: rejection.problems.clone(), ..count(&progress, base) }, new)
}

fn accepted(
    base: MicroserviceStatus,
    resolved: &ResolvedMicroservice,
    applied: &Applied,
    observed: &Observed,
    seal: impl Fn(ConditionType, Verdict) -> Condition,
) -> (MicroserviceStatus, Vec<Condition>) {
    let deployment = applied.objects.get(&Child::Deployment).or_else(|| observed.ours(Child::Deployment));
    let progress = Progress::of(deployment.map(|deployment| &**deployment));
    let situation = Situation { resolved, applied, observed, progress: &progress };
    let monitored = monitored(resolved, applied, observed);
    let mut problems = problems(resolved, applied, observed);
    problems.extend(unselected(&monitored));
    problems.extend(without_rules(resolved, applied, observed));
    let (progressing, ready) = if resolved.spec.suspend {
        // Whether the pods are of this generation is not looked at.
        (suspended(Some(false)), suspended(None))
    } else {
        (progressing(&situation), ready(&situation))
    };
    let new = vec![
        seal(ConditionType::Accepted, Verdict::yes(Reason::Valid, "the spec is valid")),
        seal(ConditionType::Available, available(&resolved.spec, &progress, observed)),
        seal(ConditionType::Progressing, progressing),
        seal(ConditionType::Monitored, monitored),
        seal(ConditionType::Verified, verified(observed)),
        seal(ConditionType::Ready, ready),
    ];
    if resolved.spec.suspend {
        return (MicroserviceStatus { problems, ..count(&progress, base) }, new);
    }
    let status = MicroserviceStatus {
        selector: format!("{NAME_LABEL}={}", resolved.child_name),
        capacity: capacity(resolved, observed, &progress),
        url: url(&base.url, resolved, observed),
        effective_image: resolved.image.clone(),
        version: split_image(&resolved.image).1.to_owned(),
        problems,
        inventory: inventory(&base.inventory, &resolved.child_name, applied, observed),
        ..count(&progress, base)
    };
    (status, new)
}

fn count(progress: &Progress, base: MicroserviceStatus) -> MicroserviceStatus {
    MicroserviceStatus {
        replicas: progress.total,
        ready_replicas: progress.ready,
        updated_replicas: progress.updated,
        ..base
    }
}

/// Did a request through the Service reach the service?
fn verified(observed: &Observed) -> Verdict {
    match &observed.verification {
        Verification::Untried => {
            Verdict::unknown(Reason::Pending, "a request is sent as soon as a replica is ready")
        }
        Verification::Answered => {
            Verdict::yes(Reason::RequestAnswered, "a request through the Service was answered")
        }
        Verification::Failed { words, .. } => Verdict::no(Reason::RequestFailed, words.clone()),
    }
}

/// Published with the first request that was answered; then it stays, as clients know it.
fn url(published: &str, resolved: &ResolvedMicroservice, observed: &Observed) -> String {
    let url = service_url(&resolved.child_name, &resolved.namespace);
    if observed.verification == Verification::Answered || published == url { url } else { String::new() }
}

/// What the replicas say, or are known to have started with; no more than that.
fn capacity(resolved: &ResolvedMicroservice, observed: &Observed, progress: &Progress) -> Capacity {
    let wanted = Workers::wanted(&resolved.spec);
    let (workers_per_replica, replicas) = match resolved.spec.concurrency_change {
        ConcurrencyChange::Live => {
            let known: Vec<_> = observed.known_workers(wanted).map(|workers| workers.workers).collect();
            (known.iter().min().copied().unwrap_or_default(), known.len())
        }
        // Each pod of the current spec started with it.
        ConcurrencyChange::Restart => (wanted.workers, usize::MAX),
    };
    let confirmed = i32::try_from(replicas).unwrap_or(progress.updated);
    let total = workers_per_replica * confirmed.min(progress.ready);
    Capacity {
        workers_per_replica,
        replicas: progress.ready,
        total,
        queue: total.saturating_mul(wanted.requests_per_worker).saturating_mul(QUEUE_FACTOR),
    }
}

/// What failed, what the user should know, and what an autoscaler complains of.
fn problems(resolved: &ResolvedMicroservice, applied: &Applied, observed: &Observed) -> Vec<Problem> {
    let rolled_back = applied.decision.rolled_back.iter().map(|back| Problem {
        field: "spec".into(),
        severity: Severity::Error,
        message: back.message(),
    });
    let failed = rolled_back.chain(applied.failures.iter().map(problem));
    let known = failed.chain(resolved.warnings.iter().cloned()).chain(overrides(resolved));
    known.chain(warnings(resolved, applied, observed)).chain(autoscaler::trouble(observed)).collect()
}

fn problem(error: &Error) -> Problem {
    let severity = if error.is_about_monitoring() { Severity::Warning } else { Severity::Error };
    Problem { field: String::new(), severity, message: error.words() }
}

/// What the user's patch changes of ours.
fn overrides(resolved: &ResolvedMicroservice) -> impl Iterator<Item = Problem> {
    overridden(resolved).into_iter().map(|path| Problem {
        field: format!("spec.podTemplate.{path}"),
        severity: Severity::Warning,
        message:
            "changes what the operator sets: see to it that the pods still start, answer and end in order"
                .into(),
    })
}

#[cfg(test)]
mod tests;

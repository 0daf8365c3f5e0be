//! Pure: the new status from the old one, what was observed and what was applied.

use std::sync::Arc;

use k8s_openapi::{
    api::apps::v1::DeploymentStatus, apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp,
};
use kube::api::DynamicObject;

use super::{
    apply::Applied,
    autoscaler, conditions,
    error::Error,
    inventory::inventory,
    monitored::{monitored, unselected, without_rules},
    observe::Observed,
    resize::resizing,
    revision::{Course, last_rollout},
    store::part,
    trouble::trouble,
    validate::{Rejection, Validated},
    verify::Verification,
    warnings::warnings,
    workers::{Answer, Workers, lagging},
};
use crate::{
    api::{Capacity, ConditionType, MicroserviceStatus, Problem, Reason, Severity, condition, split_image},
    build::{
        Child,
        meta::{NAME_LABEL, service_url},
        overridden,
    },
};

/// Places in the service's queue for each request it works on (contract 1.9).
const QUEUE_FACTOR: i32 = 10;

/// Of a Microservice that is.
const SUSPENDED: &str = "spec.suspend is true: nothing is changed, and drift stays, until it is false";

/// What a reconcile came to.
pub enum Outcome<'a> {
    /// Nothing was changed.
    Rejected(&'a Rejection),
    /// The children were applied, as far as the API server took them.
    Applied(&'a Validated, &'a Applied),
}

/// A condition without its generation and time.
pub(super) struct Verdict(pub Option<bool>, pub Reason, pub String);

impl Verdict {
    pub(super) fn yes(reason: Reason, message: impl Into<String>) -> Self {
        Self(Some(true), reason, message.into())
    }

    pub(super) fn no(reason: Reason, message: impl Into<String>) -> Self {
        Self(Some(false), reason, message.into())
    }

    pub(super) fn unknown(reason: Reason, message: impl Into<String>) -> Self {
        Self(None, reason, message.into())
    }
}

/// The status to write if it differs from `old`. `now` only enters where a condition flips.
pub fn next(
    old: &MicroserviceStatus,
    generation: i64,
    outcome: &Outcome<'_>,
    observed: &Observed,
    now: Timestamp,
) -> MicroserviceStatus {
    let seal = |type_, Verdict(status, reason, message): Verdict| {
        condition(type_, status, reason, message, generation, now)
    };
    let base = MicroserviceStatus { observed_generation: generation, ..old.clone() };
    let (mut status, new) = match outcome {
        Outcome::Rejected(rejection) => rejected(base, rejection, observed, seal),
        Outcome::Applied(validated, applied) => {
            let (status, conditions) = accepted(base, validated, applied, observed, seal);
            let last = last_rollout(old.last_rollout.as_ref(), applied, generation, now);
            (MicroserviceStatus { last_rollout: last, ..status }, conditions)
        }
    };
    status.conditions = conditions::merge(&old.conditions, new);
    status
}

fn rejected(
    base: MicroserviceStatus,
    rejection: &Rejection,
    observed: &Observed,
    seal: impl Fn(ConditionType, Verdict) -> Condition,
) -> (MicroserviceStatus, Vec<Condition>) {
    let all: Vec<_> = rejection.problems.iter().map(|p| format!("{} {}", p.field, p.message)).collect();
    let message = all.join("; ");
    // What runs goes on running, and is shown as it is.
    let rollout = Rollout::of(observed.ours(Child::Deployment));
    let pending = "nothing is changed until the spec is accepted";
    let new = vec![
        seal(ConditionType::Accepted, Verdict::no(rejection.reason, message.clone())),
        seal(ConditionType::Available, rollout.available(observed)),
        seal(ConditionType::Progressing, Verdict::no(Reason::Pending, pending)),
        seal(ConditionType::Monitored, Verdict::unknown(Reason::Pending, pending)),
        seal(ConditionType::Verified, verified(observed)),
        seal(ConditionType::Ready, Verdict::no(rejection.reason, message)),
    ];
    (MicroserviceStatus { problems: rejection.problems.clone(), ..rollout.count(base) }, new)
}

fn accepted(
    base: MicroserviceStatus,
    validated: &Validated,
    applied: &Applied,
    observed: &Observed,
    seal: impl Fn(ConditionType, Verdict) -> Condition,
) -> (MicroserviceStatus, Vec<Condition>) {
    let rollout =
        Rollout::of(applied.objects.get(&Child::Deployment).or_else(|| observed.ours(Child::Deployment)));
    let monitored = monitored(validated, applied, observed);
    let mut problems = problems(validated, applied, observed);
    problems.extend(unselected(&monitored));
    problems.extend(without_rules(validated, observed));
    let suspended = |status| Verdict(status, Reason::Suspended, SUSPENDED.into());
    let (progressing, ready) = if validated.spec.suspend {
        // Whether the pods are of this generation is not looked at.
        (suspended(Some(false)), suspended(None))
    } else {
        (rollout.progressing(&applied.course), ready(validated, applied, observed, &rollout))
    };
    let new = vec![
        seal(ConditionType::Accepted, Verdict::yes(Reason::Valid, "the spec is valid")),
        seal(ConditionType::Available, rollout.available(observed)),
        seal(ConditionType::Progressing, progressing),
        seal(ConditionType::Monitored, monitored),
        seal(ConditionType::Verified, verified(observed)),
        seal(ConditionType::Ready, ready),
    ];
    if validated.spec.suspend {
        return (MicroserviceStatus { problems, ..rollout.count(base) }, new);
    }
    let status = MicroserviceStatus {
        selector: format!("{NAME_LABEL}={}", validated.child_name),
        capacity: capacity(validated, observed, rollout.ready),
        url: url(&base.url, validated, observed),
        effective_image: validated.image.clone(),
        version: split_image(&validated.image).1.to_owned(),
        problems,
        inventory: inventory(&base.inventory, &validated.child_name, applied, observed),
        ..rollout.count(base)
    };
    (status, new)
}

/// A Deployment's progress in numbers.
#[derive(Default)]
pub(super) struct Rollout {
    exists: bool,
    /// Has the Deployment's controller seen the current template?
    seen: bool,
    wanted: i32,
    total: i32,
    updated: i32,
    ready: i32,
    available: i32,
    /// The Deployment's controller has given up waiting, in its own words.
    stalled: Option<String>,
    /// Pods are refused, in the API server's words.
    refused: Option<String>,
}

impl Rollout {
    pub(super) fn of(deployment: Option<&Arc<DynamicObject>>) -> Self {
        let Some(deployment) = deployment else { return Self::default() };
        let status: DeploymentStatus = part(deployment, "/status").unwrap_or_default();
        let words = |type_: &str, status_: &str, reason: Option<&str>| words(&status, type_, status_, reason);
        let seen =
            status.observed_generation.is_some_and(|seen| Some(seen) >= deployment.metadata.generation);
        Self {
            exists: true,
            seen,
            wanted: part(deployment, "/spec/replicas").unwrap_or(1),
            total: status.replicas.unwrap_or(0),
            updated: status.updated_replicas.unwrap_or(0),
            ready: status.ready_replicas.unwrap_or(0),
            available: status.available_replicas.unwrap_or(0),
            // Of an older template it says nothing about this one.
            stalled: words("Progressing", "False", Some("ProgressDeadlineExceeded")).filter(|_| seen),
            refused: words("ReplicaFailure", "True", None),
        }
    }

    fn count(&self, base: MicroserviceStatus) -> MicroserviceStatus {
        MicroserviceStatus {
            replicas: self.total,
            ready_replicas: self.ready,
            updated_replicas: self.updated,
            ..base
        }
    }

    /// No pod that exists is of an older template.
    pub(super) fn replaced_all(&self) -> bool {
        self.exists && self.seen && self.updated == self.total
    }

    /// Every pod that exists is of the current template, and there are as many as wanted.
    fn is_complete(&self) -> bool {
        self.exists && self.seen && self.updated == self.wanted && self.total == self.wanted
    }

    fn available(&self, observed: &Observed) -> Verdict {
        let Self { wanted, available, .. } = self;
        let count = format!("{available} of {wanted} replicas answer");
        if self.exists && self.seen && available >= wanted {
            return Verdict::yes(Reason::MinimumReplicasAvailable, count);
        }
        match self.cause(observed) {
            Some((reason, words)) => Verdict::no(reason, format!("{count}; {words}")),
            None => Verdict::no(Reason::MinimumReplicasUnavailable, count),
        }
    }

    fn progressing(&self, course: &Course) -> Verdict {
        if let Some(back) = &course.rolled_back {
            return Verdict(Some(!self.is_complete()), Reason::RolledBack, back.message());
        }
        if self.is_complete() {
            let words = "every pod is made from the current spec";
            return match &course.pinned_by {
                Some(version) => Verdict::no(
                    Reason::RolloutComplete,
                    format!(
                        "{words}, as operator {version} made them; a change of the pods' spec or upgradePolicy: Auto makes them anew"
                    ),
                ),
                None => Verdict::no(Reason::RolloutComplete, words),
            };
        }
        match &self.stalled {
            Some(words) => Verdict::no(Reason::ProgressDeadlineExceeded, words.clone()),
            None => Verdict::yes(Reason::RollingOut, self.progress()),
        }
    }

    fn progress(&self) -> String {
        let Self { wanted, updated, total, .. } = self;
        match total - updated {
            old if old > 0 => {
                format!(
                    "{updated} of {wanted} replicas are made from the current spec, {old} from an older one"
                )
            }
            _ => format!("{updated} of {wanted} replicas are made from the current spec"),
        }
    }

    /// What keeps pods from answering.
    fn cause(&self, observed: &Observed) -> Option<(Reason, String)> {
        let refused = self.refused.clone().map(|words| (Reason::PodsRefused, words));
        trouble(&observed.pods).or(refused)
    }
}

/// The message of a Deployment's condition, if it has this status and reason.
fn words(status: &DeploymentStatus, type_: &str, status_: &str, reason: Option<&str>) -> Option<String> {
    let found = status.conditions.iter().flatten().find(|c| c.type_ == type_ && c.status == status_)?;
    (reason.is_none() || found.reason.as_deref() == reason).then(|| found.message.clone().unwrap_or_default())
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
fn url(published: &str, validated: &Validated, observed: &Observed) -> String {
    let url = service_url(&validated.child_name, &validated.namespace);
    if observed.verification == Verification::Answered || published == url { url } else { String::new() }
}

/// Such a failure keeps nobody from being served.
pub(super) fn is_about_monitoring(error: &Error) -> bool {
    matches!(error, Error::Apply { kind: "ServiceMonitor" | "PrometheusRule", .. })
}

fn ready(validated: &Validated, applied: &Applied, observed: &Observed, rollout: &Rollout) -> Verdict {
    if let Some(failure) = applied.failures.iter().find(|e| !is_about_monitoring(e)) {
        return Verdict::no(Reason::ApplyFailed, failure.words());
    }
    if let Some(back) = &applied.course.rolled_back {
        return Verdict::no(Reason::RolledBack, back.message());
    }
    let complete = rollout.is_complete();
    if !complete || rollout.available < rollout.wanted || rollout.ready < rollout.wanted {
        let (otherwise, count) = if complete {
            (
                Reason::MinimumReplicasUnavailable,
                format!("{} of {} replicas answer", rollout.ready, rollout.wanted),
            )
        } else {
            (Reason::RollingOut, rollout.progress())
        };
        return match rollout.cause(observed) {
            Some((reason, words)) => Verdict::no(reason, format!("{count}; {words}")),
            None => Verdict::no(otherwise, count),
        };
    }
    let wanted = wanted(validated);
    let behind = lagging(observed, wanted).count();
    if behind > 0 {
        let workers = wanted.workers;
        return Verdict::no(
            Reason::ConcurrencyLagging,
            format!("{behind} of {} replicas do not run {workers} workers yet", rollout.wanted),
        );
    }
    let resizing = resizing(&validated.spec, observed).count();
    if resizing > 0 {
        return Verdict::no(
            Reason::Resizing,
            format!(
                "{resizing} of {} replicas do not have the resources of {} workers yet",
                rollout.wanted, wanted.workers
            ),
        );
    }
    if validated.spec.stopped {
        return Verdict::yes(Reason::Stopped, "spec.stopped is true");
    }
    if rollout.wanted == 0 {
        return Verdict::yes(Reason::ScaledToZero, "spec.replicas is 0");
    }
    Verdict::yes(Reason::AllReplicasReady, format!("{} of {} replicas answer", rollout.ready, rollout.wanted))
}

fn wanted(validated: &Validated) -> Workers {
    Workers { workers: validated.spec.concurrency, requests_per_worker: validated.spec.requests_per_worker }
}

/// By the replicas' own words where they have any, else by the spec.
fn capacity(validated: &Validated, observed: &Observed, replicas: i32) -> Capacity {
    let wanted = wanted(validated);
    let said = observed.workers.values().filter_map(|answer| match answer {
        Answer::Runs(workers) => Some(workers.workers),
        Answer::Unsupported | Answer::Unreachable => None,
    });
    let workers_per_replica = said.min().unwrap_or(wanted.workers);
    let total = workers_per_replica * replicas;
    Capacity {
        workers_per_replica,
        replicas,
        total,
        queue: total.saturating_mul(wanted.requests_per_worker).saturating_mul(QUEUE_FACTOR),
    }
}

/// What failed, what the user should know, and what an autoscaler complains of.
fn problems(validated: &Validated, applied: &Applied, observed: &Observed) -> Vec<Problem> {
    let rolled_back = applied.course.rolled_back.iter().map(|back| Problem {
        field: "spec".into(),
        severity: Severity::Error,
        message: back.message(),
    });
    let failed = rolled_back.chain(applied.failures.iter().map(problem));
    let known = failed.chain(validated.warnings.iter().cloned()).chain(overrides(validated));
    known.chain(warnings(validated, applied, observed)).chain(autoscaler::trouble(observed)).collect()
}

fn problem(error: &Error) -> Problem {
    let severity = if is_about_monitoring(error) { Severity::Warning } else { Severity::Error };
    Problem { field: String::new(), severity, message: error.words() }
}

/// What the user's patch changes of ours.
fn overrides(validated: &Validated) -> impl Iterator<Item = Problem> {
    overridden(validated).into_iter().map(|path| Problem {
        field: format!("spec.podTemplate.{path}"),
        severity: Severity::Warning,
        message:
            "changes what the operator sets: see to it that the pods still start, answer and end in order"
                .into(),
    })
}

#[cfg(test)]
mod tests;

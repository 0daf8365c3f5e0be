//! The driver: observe, validate, build, apply, prune, status. No logic of its own.

use std::time::Duration;

use jiff::Timestamp;
use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
    runtime::controller::Action,
};
use serde_json::json;
use tokio::time::Instant;

use super::{
    apply::{Applied, Change, apply},
    context::{Context, Name},
    error::{Class, Error},
    events, inventory,
    observe::{Observed, observe},
    prune::prune,
    references,
    resize::resize,
    revision::{History, Plan, ended, in_force, plan, record, settle},
    status::{self, Outcome},
    validate::{Rejection, validate},
    verify::Verification,
    workers::{Answer, Workers, lagging, nudge},
};
use crate::{
    api::{Microservice, MicroserviceStatus, Reason},
    build::{Child, Kind, meta::MANAGER},
    metrics,
};

/// No call to the API server has a time limit of its own (kube#1798); this one holds for all of a
/// reconcile's together.
const LIMIT: Duration = Duration::from_mins(1);
/// Watches tell everything; this is the net below them. Spread out, or a restart would bring all
/// objects back at the same moment for ever.
const RESYNC: Duration = Duration::from_mins(10);
/// Foreign objects are not watched: whether one that took a name is gone has to be asked.
const COLLISION_RETRY: Duration = Duration::from_secs(30);
/// Pods that lag are asked again.
const LAGGING_RETRY: Duration = Duration::from_millis(500);
/// Pods that could not be asked are asked again.
const UNREACHABLE_RETRY: Duration = Duration::from_secs(10);

/// Brings the cluster to what one Microservice asks for.
pub async fn reconcile(microservice: &Microservice, context: &Context) -> Result<Action, Error> {
    let name = Name::from_obj(microservice);
    if microservice.metadata.deletion_timestamp.is_some() {
        // The garbage collector removes the children: making them anew would be a fight.
        context.forget(&name);
        return Ok(Action::await_change());
    }
    let timer = context.metrics.reconcile_started();
    let result = tokio::time::timeout(LIMIT, Box::pin(run(microservice, context)))
        .await
        .unwrap_or(Err(Error::Timeout(LIMIT)));
    timer.observe(match &result {
        Ok((_, true)) => metrics::Outcome::Changed,
        Ok((_, false)) => metrics::Outcome::Unchanged,
        Err(_) => metrics::Outcome::Error,
    });
    let (action, _) = result?;
    context.is_well(&name);
    Ok(action)
}

/// The action, and whether anything was written.
async fn run(users: &Microservice, context: &Context) -> Result<(Action, bool), Error> {
    let history = revisions_of(users, context);
    let in_force = in_force(users, &history, context).await?;
    let microservice = &*in_force.microservice;
    let observed = observe(microservice, context).await?;
    let mut validated = match validate(microservice, &observed, &context.settings) {
        Ok(validated) => validated,
        Err(rejection) => {
            let status = next_status(users, &Outcome::Rejected(&rejection), &observed);
            let written = write_status(users, context, status, &[], &[]).await?;
            return Ok((after_rejection(&rejection), written));
        }
    };
    if validated.spec.suspend {
        let applied = Applied::nothing(&observed);
        let status = next_status(users, &Outcome::Applied(&validated, &applied), &observed);
        let written = write_status(users, context, status, &[], &[]).await?;
        return Ok((Action::await_change(), written));
    }
    let plan = plan(&in_force, &validated, &history, context).await?;
    let Plan { mut desired, mut course, image, last, new } = plan;
    let (policy, live) = (validated.spec.reference_change, observed.ours(Child::Deployment));
    course.references = references::mark(&mut desired, &observed.references, policy, live.map(|d| &**d));
    validated.image = image;
    let recorded = match &new {
        Some(new) => record::write(context, &validated, new).await,
        None => Ok(()),
    };
    let mut applied = apply(context, desired, &observed, &validated.replicas, course).await;
    applied.failures.extend(recorded.err());
    match prune(&context.client, &validated.spec, &observed, &applied).await {
        Ok(pruned) => applied.pruned = pruned,
        Err(error) => applied.failures.push(error),
    }
    let resizable = resize(context, &validated, &observed).await.unwrap_or_else(|error| {
        applied.failures.push(error);
        true
    });
    for change in &applied.changes {
        context.metrics.wrote(change.child.kind().name());
    }
    let outcome = Outcome::Applied(&validated, &applied);
    let mut status = next_status(users, &outcome, &observed);
    let ended = ended(&status, validated.spec.rollout.on_failure, &last, history.good());
    let settled = settle(context, &validated, &last, ended).await;
    let revisions = revisions_of(users, context);
    status.inventory = inventory::with_revisions(status.inventory, revisions.names());
    let status_written = write_status(users, context, status, &applied.changes, &applied.pruned).await?;
    let settled = settled?;
    nudge(&context.client, microservice, &observed).await?;
    let Applied { changes, failures, .. } = applied;
    if let Some(failure) = failures.into_iter().next() {
        return Err(failure);
    }
    let written = status_written || settled || new.is_some() || !changes.is_empty();
    if !resizable {
        // Once more, with a rollout.
        return Ok((Action::requeue(LAGGING_RETRY), written));
    }
    Ok((after_success(microservice, &observed), written))
}

fn revisions_of(microservice: &Microservice, context: &Context) -> History {
    let (namespace, uid) =
        (microservice.namespace().unwrap_or_default(), microservice.uid().unwrap_or_default());
    History::of(&context.stores.of(Kind::ControllerRevision).owned_by(&namespace, &uid))
}

fn next_status(
    microservice: &Microservice,
    outcome: &Outcome<'_>,
    observed: &Observed,
) -> MicroserviceStatus {
    let none = MicroserviceStatus::default();
    let old = microservice.status.as_ref().unwrap_or(&none);
    let generation = microservice.metadata.generation.unwrap_or_default();
    status::next(old, generation, outcome, observed, Timestamp::now())
}

/// Writes the status, and tells of it, if it is another than the last. Says whether it did.
async fn write_status(
    microservice: &Microservice,
    context: &Context,
    new: MicroserviceStatus,
    changes: &[Change],
    pruned: &[Child],
) -> Result<bool, Error> {
    let none = MicroserviceStatus::default();
    let old = microservice.status.as_ref().unwrap_or(&none);
    let differs = new != *old;
    if differs {
        patch_status(microservice, context, &new).await?;
    }
    events::publish(context, microservice, &events::events(old, &new, changes, pruned)).await;
    Ok(differs)
}

async fn patch_status(
    microservice: &Microservice,
    context: &Context,
    status: &MicroserviceStatus,
) -> Result<(), Error> {
    let api = Api::<Microservice>::namespaced(
        context.client.clone(),
        &microservice.namespace().unwrap_or_default(),
    );
    let body = json!({
        "apiVersion": "microservice.dev/v1alpha1",
        "kind": "Microservice",
        "metadata": {"name": microservice.name_any(), "uid": microservice.uid()},
        "status": status,
    });
    let params = PatchParams::apply(MANAGER).force();
    match api.patch_status(&microservice.name_any(), &params, &Patch::Apply(body)).await {
        Ok(_) => Ok(()),
        // It was deleted meanwhile.
        Err(kube::Error::Api(answer)) if answer.is_not_found() => Ok(()),
        Err(source) => Err(Error::Status(source)),
    }
}

fn after_rejection(rejection: &Rejection) -> Action {
    match rejection.reason {
        Reason::NameCollision => Action::requeue(COLLISION_RETRY),
        // Whoever makes it is seen; this is the net below.
        Reason::ReferenceMissing => Action::requeue(RESYNC),
        _ => Action::await_change(),
    }
}

fn after_success(microservice: &Microservice, observed: &Observed) -> Action {
    let next = if lagging(observed, Workers::wanted(microservice)).next().is_some() {
        LAGGING_RETRY
    } else if observed.workers.values().any(|answer| *answer == Answer::Unreachable) {
        UNREACHABLE_RETRY
    } else {
        spread(RESYNC, microservice.uid().unwrap_or_default().as_bytes())
    };
    Action::requeue(match &observed.verification {
        Verification::Failed { again, .. } => next.min(again.duration_since(Instant::now())),
        Verification::Untried | Verification::Answered => next,
    })
}

/// `base` and up to a fifth more, always the same for the same object.
fn spread(base: Duration, seed: &[u8]) -> Duration {
    let hash = seed.iter().fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(*byte)));
    base + base.mul_f64(f64::from(hash % 1000) / 5000.0)
}

/// When to try again after a failure.
pub fn on_error(microservice: &Microservice, error: &Error, context: &Context) -> Action {
    let class = error.class();
    context.metrics.reconcile_failed(class);
    let words = error.words();
    match class {
        Class::Gone => {
            tracing::debug!(error = words, "the namespace is being deleted");
            Action::await_change()
        }
        Class::Conflict => {
            tracing::info!(error = words, "somebody wrote at the same time, trying again");
            Action::requeue(LAGGING_RETRY)
        }
        Class::User => {
            tracing::warn!(error = words, "the API server refused an object");
            Action::requeue(RESYNC)
        }
        Class::Bug => {
            tracing::error!(error = words, "this is a defect of the operator, please report it");
            Action::requeue(RESYNC)
        }
        Class::Transient => {
            let wait = context.back_off(&Name::from_obj(microservice));
            tracing::warn!(error = words, ?wait, "trying again");
            Action::requeue(wait)
        }
    }
}

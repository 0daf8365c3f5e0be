//! The driver: observe, validate, plan, apply, prune, status. No logic of its own.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use kube::{ResourceExt, runtime::controller::Action};
use operator_core::{
    api::{Microservice, MicroserviceRef, MicroserviceStatus, Reason},
    model::{Child, Class, Error, Kind},
    observed::{Observed, Verification, Workers},
    plan::{
        Applied, Change, Rejection,
        configuration::needed,
        replicas::fewer,
        revision::{Plan, Records, Unread, effective_spec, ended, plan},
        validate,
    },
    status::{self, Reconciled, inventory},
};

use super::context::Context;
use crate::{
    cluster::{
        read::{configuration, history, observe, record},
        write::{
            apply, nudge, prune, prune_configuration, publish, resize, scale_down, settle, write_revision,
            write_status,
        },
    },
    process::metrics::ReconcileResult,
};

/// No call to the API server has a time limit of its own (kube#1798); this one holds for all of a
/// reconcile's together.
const LIMIT: Duration = Duration::from_mins(1);
/// Watches tell everything; this is the net below them. Spread out, or a restart would bring all
/// objects back at the same moment for ever.
const RESYNC: Duration = Duration::from_mins(10);
/// Foreign objects are not watched: whether one that took a name is gone has to be asked.
const COLLISION_RETRY: Duration = Duration::from_secs(30);
/// So many failures to read in a row, over some seconds, are no news: a watch begins, the API server
/// restarts.
const SILENT_FAILURES: u32 = 4;
/// After a conflict, and for a rollout instead of a resize.
const SOON: Duration = Duration::from_millis(500);
/// Brings the cluster to what one Microservice asks for.
pub async fn reconcile(microservice: &Microservice, context: &Context) -> Result<Action, Error> {
    let name = MicroserviceRef::of(microservice);
    if microservice.metadata.deletion_timestamp.is_some() {
        // The garbage collector removes the children: making them anew would be a fight.
        context.forget(&name);
        return Ok(Action::await_change());
    }
    let timer = context.metrics.reconcile_started();
    let result = tokio::time::timeout(LIMIT, Box::pin(run(microservice, context)))
        .await
        .unwrap_or(Err(Error::Timeout(LIMIT)));
    if let Err(error) = &result
        && error.is_about_reading()
        && context.memory.failures(&name) >= SILENT_FAILURES
    {
        tell_unread(context, microservice, error).await;
    }
    timer.observe(match &result {
        Ok((_, true)) => ReconcileResult::Changed,
        Ok((_, false)) => ReconcileResult::Unchanged,
        Err(_) => ReconcileResult::Error,
    });
    let (action, _) = result?;
    context.memory.is_well(&name);
    Ok(action)
}

/// Says that nothing could be decided; that this can't be said either changes nothing.
async fn tell_unread(context: &Context, microservice: &Microservice, error: &Error) {
    let status = next_status(microservice, &Reconciled::Unread(error), &Observed::default());
    if let Err(error) = tell(context, microservice, status, &[], &[]).await {
        tracing::warn!(error = error.words(), "failed, too");
    }
}

/// The action, and whether anything was written.
async fn run(users: &Microservice, context: &Context) -> Result<(Action, bool), Error> {
    let Context { reader, writer, settings, .. } = context;
    let history_now = || history(&reader.stores, users);
    let (history, mut records) = (history_now(), Records::default());
    let effective =
        decide(context, users, &mut records, |records| effective_spec(users, &history, records)).await?;
    let microservice = &*effective.microservice;
    let observed = observe(reader, microservice).await?;
    let mut resolved = match validate(microservice, &observed, settings) {
        Ok(resolved) => resolved,
        Err(rejection) => {
            // Less takes nothing that could be refused.
            let change = match fewer(&microservice.spec, &observed) {
                Some(replicas) if !microservice.spec.suspend => {
                    Some(scale_down(writer, &observed, replicas).await)
                }
                _ => None,
            };
            let change = change.transpose();
            let changes = change.as_ref().ok().and_then(Clone::clone);
            let rejected = Reconciled::Rejected(&rejection, &microservice.spec);
            let status = next_status(users, &rejected, &observed);
            let written = tell(context, users, status, changes.as_slice(), &[]).await?;
            let scaled = change?.is_some();
            return Ok((after_rejection(&rejection), written || scaled));
        }
    };
    if resolved.spec.suspend {
        let applied = Applied::nothing(&observed);
        let status = next_status(users, &Reconciled::Applied(&resolved, &applied), &observed);
        let written = tell(context, users, status, &[], &[]).await?;
        return Ok((Action::await_change(), written));
    }
    let planned = |records: &Records| plan(&effective, &resolved, &observed, &history, records, settings);
    let Plan { children, configuration: own, decision, image, last, new } =
        decide(context, users, &mut records, planned).await?;
    let found = configuration(reader, microservice, children.immutable_names()).await?;
    resolved.image = image;
    let recorded = match &new {
        Some(new) => write_revision(writer, &resolved, new).await,
        None => Ok(()),
    };
    // Its future is large.
    let applied = Box::pin(apply(writer, children, &found, &observed, &resolved.replicas, decision));
    let mut applied = applied.await;
    applied.failures.extend(recorded.err());
    let (pruned, failures) = prune(writer, &resolved.spec, &observed, &applied).await;
    applied.pruned = pruned;
    applied.failures.extend(failures);
    let refused = resize(writer, &resolved, &observed).await.unwrap_or_else(|error| {
        applied.failures.push(error);
        None
    });
    let resizable = refused.is_none();
    if let Some(resources) = refused {
        reader.resizing.refuse(MicroserviceRef::of(users), resources);
    }
    for change in &applied.changes {
        context.metrics.wrote(change.child.kind().name());
    }
    let mut status = next_status(users, &Reconciled::Applied(&resolved, &applied), &observed);
    let ended = ended(&status, resolved.spec.rollout.on_failure, &last, history.good());
    let settled = settle(writer, &resolved, &last, ended).await;
    let (history, child_name) = (history_now(), &resolved.child_name);
    let revisions = history.revisions().map(|revision| revision.name.clone());
    status.inventory = inventory::with(status.inventory, Kind::ControllerRevision, revisions);
    let needed = needed(&own, child_name, &observed, &history);
    let (maps, unpruned) = prune_configuration(writer, &resolved, &needed).await;
    status.inventory = inventory::with(status.inventory, Kind::ConfigMap, maps);
    let status_written = tell(context, users, status, &applied.changes, &applied.pruned).await?;
    let nudged = nudge(writer, microservice, &observed).await;
    let Applied { changes, mut failures, .. } = applied;
    let written = status_written || matches!(settled, Ok(true)) || new.is_some() || !changes.is_empty();
    failures.extend(settled.err());
    failures.extend(unpruned);
    failures.extend(nudged.err());
    // What can be tried again soonest says when; each is in the log.
    failures.sort_by_key(Error::class);
    let mut failures = failures.into_iter();
    if let Some(soonest) = failures.next() {
        failures.for_each(|other| tracing::warn!(error = other.words(), "failed, too"));
        return Err(soonest);
    }
    if !resizable {
        // Once more, with a rollout.
        return Ok((Action::requeue(SOON), written));
    }
    Ok((after_success(context, microservice, &observed), written))
}

/// Decides by the records of revisions: those that a decision lacks are read, and it is made anew.
async fn decide<T>(
    context: &Context,
    microservice: &Microservice,
    records: &mut Records,
    decision: impl Fn(&Records) -> Result<T, Unread>,
) -> Result<T, Error> {
    let namespace = microservice.namespace().unwrap_or_default();
    loop {
        match decision(records) {
            Ok(decided) => return Ok(decided),
            Err(Unread(name)) => {
                let found = record(&context.reader, &namespace, &name).await?;
                records.insert(name, found);
            }
        }
    }
}

fn next_status(
    microservice: &Microservice,
    reconciled: &Reconciled<'_>,
    observed: &Observed,
) -> MicroserviceStatus {
    let none = MicroserviceStatus::default();
    let old = microservice.status.as_ref().unwrap_or(&none);
    let generation = microservice.metadata.generation.unwrap_or_default();
    status::next(old, generation, reconciled, observed, Timestamp::now())
}

/// Writes the status, and tells of it, if it is another than the last. Says whether it did.
async fn tell(
    context: &Context,
    microservice: &Microservice,
    new: MicroserviceStatus,
    changes: &[Change],
    pruned: &[Child],
) -> Result<bool, Error> {
    let none = MicroserviceStatus::default();
    let old = microservice.status.as_ref().unwrap_or(&none);
    let differs = new != *old;
    if differs {
        write_status(&context.writer, microservice, &new).await?;
    }
    publish(&context.writer, microservice, &status::events(old, &new, changes, pruned)).await;
    Ok(differs)
}

fn after_rejection(rejection: &Rejection) -> Action {
    match rejection.reason {
        Reason::NameCollision => Action::requeue(COLLISION_RETRY),
        // Whoever makes it is seen; this is the net below.
        Reason::ReferenceMissing => Action::requeue(RESYNC),
        _ => Action::await_change(),
    }
}

fn after_success(context: &Context, microservice: &Microservice, observed: &Observed) -> Action {
    let lags = observed.lagging(Workers::wanted(&microservice.spec)).next().is_some();
    let generation = microservice.metadata.generation;
    let next = if let Some(wait) = context.memory.lag(&MicroserviceRef::of(microservice), generation, lags) {
        wait
    } else {
        spread(RESYNC, microservice.uid().unwrap_or_default().as_bytes())
    };
    let verified = match &observed.verification {
        Verification::Failed { again, .. } => Some(*again),
        Verification::Untried | Verification::Answered => None,
    };
    let sooner = [verified, observed.waiting.again, observed.ask_again].into_iter().flatten();
    Action::requeue(sooner.fold(next, |next, again| next.min(again.duration_since(Instant::now()))))
}

/// `base` and up to a fifth more, always the same for the same object.
fn spread(base: Duration, seed: &[u8]) -> Duration {
    let hash = seed.iter().fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(*byte)));
    base + base.mul_f64(f64::from(hash % 1000) / 5000.0)
}

/// When to try again after a failure.
pub fn on_error(name: &MicroserviceRef, error: &Error, context: &Context) -> Action {
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
            Action::requeue(SOON)
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
            let wait = context.memory.back_off(name);
            tracing::warn!(error = words, ?wait, "trying again");
            Action::requeue(wait)
        }
    }
}

//! I/O out: the one place of server-side apply. Nothing is sent for a child that is as wanted.

use std::{collections::BTreeMap, sync::Arc};

use futures::future::join_all;
use kube::{
    Api, ResourceExt,
    api::{DynamicObject, Patch, PatchParams},
};
use operator_core::{
    manifests::Children,
    model::{
        Child, Class, Error, Kind, Refusal, Replicas,
        meta::{APPLIED_ANNOTATION, MANAGER, REPLICAS_MANAGER, ROLLOUT_ANNOTATION, digest},
        object::json_of,
    },
    observed::{Entry, Live, Observed},
    plan::{
        Applied, Change, WriteCause,
        additions::additions,
        adoption::is_owned,
        drift::first_drift,
        revision::{RolloutDecision, rollout_note},
    },
};
use serde_json::{Value, json};

use super::writer::Writer;
use crate::process::refusal::refusal;

/// Applies what differs, of the kinds that the cluster has; `configuration` are the immutable ConfigMaps that
/// are there, by their names. A failure keeps no other child back.
pub async fn apply(
    writer: &Writer,
    children: Children,
    configuration: &BTreeMap<String, Live>,
    observed: &Observed,
    replicas: &Replicas,
    decision: RolloutDecision,
) -> Applied {
    let mut applied = Applied::default();
    let mut steps = BTreeMap::<u8, Vec<_>>::new();
    for body in children.immutable().map(json_of) {
        let live = body["metadata"]["name"].as_str().and_then(|name| configuration.get(name));
        match live.unwrap_or(&Live::Absent) {
            Live::Foreign { name, owner } => applied.failures.push(taken(name, owner)),
            live => steps.entry(0).or_default().push((Child::ConfigMap, true, body, live)),
        }
    }
    let children = children.into_objects().into_iter();
    for (child, body) in children.filter(|(child, _)| observed.serves(child.kind())) {
        steps.entry(step(child)).or_default().push((child, false, body, observed.live(child)));
    }
    for step in steps.into_values() {
        let written = step.into_iter().map(async |(child, is_immutable, body, live)| {
            (child, is_immutable, apply_child(writer, child, body, live, replicas, &decision).await)
        });
        for (child, is_immutable, Written { object, cause, failures }) in join_all(written).await {
            applied.failures.extend(failures);
            match object {
                Some(object) if !is_immutable => drop(applied.objects.insert(child, object)),
                // Known at once: the inventory has it.
                Some(object) if cause.is_some() => {
                    writer.stores.of(Kind::ConfigMap).remember(Arc::unwrap_or_clone(object));
                }
                _ => {}
            }
            applied.changes.extend(cause.map(|cause| Change { child, cause }));
        }
    }
    Applied { decision, ..applied }
}

/// What is applied side by side: first what pods need, then they and what leads to them, then what acts on both.
fn step(child: Child) -> u8 {
    match child {
        Child::ServiceAccount | Child::ConfigMap | Child::NetworkPolicy => 0,
        Child::Service | Child::Metrics | Child::Deployment => 1,
        Child::HorizontalPodAutoscaler
        | Child::PodDisruptionBudget
        | Child::Ingress
        | Child::HttpRoute
        | Child::ServiceMonitor
        | Child::PrometheusRule
        | Child::Dashboard => 2,
    }
}

fn taken(name: &str, owner: &str) -> Error {
    let words = format!("the name {name} is taken by an object of {owner}: delete or rename it");
    Error::Apply { kind: Kind::ConfigMap.name(), source: Refusal { class: Class::User, words } }
}

/// What became of a child.
#[derive(Default)]
struct Written {
    /// As it is now; none where that failed.
    object: Option<Arc<DynamicObject>>,
    /// Why it was written, if it was.
    cause: Option<WriteCause>,
    failures: Vec<Error>,
}

async fn apply_child(
    writer: &Writer,
    child: Child,
    body: Value,
    live: &Live,
    replicas: &Replicas,
    decision: &RolloutDecision,
) -> Written {
    let mut written = Written::default();
    let owner = body["metadata"]["ownerReferences"][0]["uid"].as_str().unwrap_or_default();
    let adopts = matches!(live, Live::Ours(entry) if !is_owned(&entry.object, owner));
    let set_back = set_back(writer, child, &body, live).await.unwrap_or_else(|error| {
        written.failures.push(error);
        None
    });
    let (live, added) = set_back.map_or((live.clone(), None), |(live, cause)| (live, Some(cause)));
    let sent = async {
        let handed_over = child == Child::Deployment && hand_over(writer, &live, replicas).await?;
        let (object, cause) = apply_one(writer, child, body, &live, decision).await?;
        let cause = cause.or_else(|| handed_over.then(|| WriteCause::Drifted("spec.replicas".into())));
        Ok((object, if adopts { Some(WriteCause::Adopted) } else { added.or(cause) }))
    };
    match sent.await {
        Ok((object, cause)) => (written.object, written.cause) = (Some(object), cause),
        Err(error) => written.failures.push(error),
    }
    written
}

/// Removes what others have added where only we may; gives the object as it is then, and what was removed
/// first. Nothing where there is none, or where it is back at once: an admission webhook wants it so.
async fn set_back(
    writer: &Writer,
    child: Child,
    body: &Value,
    live: &Live,
) -> Result<Option<(Live, WriteCause)>, Error> {
    let Live::Ours(entry) = live else { return Ok(None) };
    let additions = additions(child.kind(), body, &entry.object);
    let Some(first) = additions.last() else { return Ok(None) };
    let cause = WriteCause::Drifted(first.path.clone());
    let (kind, version) = (child.kind(), &entry.object.metadata.resource_version);
    // Places in a list hold only for the object as it was read.
    let guard = json!({"op": "replace", "path": "/metadata/resourceVersion", "value": version});
    let operations = [guard].into_iter().chain(additions.into_iter().map(|addition| addition.operation));
    let patch = serde_json::from_value(operations.collect()).map_err(|error| Error::Apply {
        kind: kind.name(),
        source: Refusal { class: Class::Bug, words: error.to_string() },
    })?;
    let namespace = entry.object.namespace().unwrap_or_default();
    let api = Api::<DynamicObject>::namespaced_with(writer.client.clone(), &namespace, &kind.resource());
    let params = PatchParams { field_manager: Some(MANAGER.into()), ..PatchParams::default() };
    let object = api
        .patch(&entry.object.name_any(), &params, &Patch::<()>::Json(patch))
        .await
        .map_err(|error| Error::Apply { kind: kind.name(), source: refusal(error) })?;
    let changed = object.metadata.resource_version != *version;
    Ok(changed.then(|| (Live::Ours(Entry { object: Arc::new(object), settled: None }), cause)))
}

/// Takes pods away and changes nothing else: for a spec that is not accepted.
pub async fn scale_down(writer: &Writer, observed: &Observed, replicas: i32) -> Result<Change, Error> {
    let child = Child::Deployment;
    let replicas = Replicas { hand_over: Some(replicas), ..Replicas::default() };
    hand_over(writer, observed.live(child), &replicas).await?;
    Ok(Change { child, cause: WriteCause::Updated })
}

/// Lets an autoscaler have `spec.replicas`: a field manager of its own owns the number from now on.
/// If we only stopped sending the field it would belong to nobody, and the API server would set it to 1.
/// The version keeps a number that somebody set meanwhile from being lost.
async fn hand_over(writer: &Writer, live: &Live, replicas: &Replicas) -> Result<bool, Error> {
    let (Live::Ours(entry), Some(number)) = (live, replicas.hand_over) else { return Ok(false) };
    let kind = Child::Deployment.kind();
    let (resource, metadata) = (kind.resource(), &entry.object.metadata);
    let body = json!({
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": { "name": metadata.name, "uid": metadata.uid, "resourceVersion": metadata.resource_version },
        "spec": { "replicas": number },
    });
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    let api = Api::<DynamicObject>::namespaced_with(writer.client.clone(), namespace, &resource);
    let params = PatchParams::apply(REPLICAS_MANAGER).force();
    api.patch(&entry.object.name_any(), &params, &Patch::Apply(body))
        .await
        .map_err(|error| Error::Apply { kind: kind.name(), source: refusal(error) })?;
    Ok(true)
}

async fn apply_one(
    writer: &Writer,
    child: Child,
    mut body: Value,
    live: &Live,
    decision: &RolloutDecision,
) -> Result<(Arc<DynamicObject>, Option<WriteCause>), Error> {
    // A body that holds only for the object as it was read; no part of what is wanted.
    let version = body["metadata"].as_object_mut().and_then(|metadata| metadata.remove("resourceVersion"));
    // The digest of the last apply tells when we stop sending a field, which comparing can't.
    let mark = digest(body.to_string().as_bytes());
    let cause = match live {
        Live::Ours(entry) if entry.settled.as_ref() == Some(&mark) => {
            return Ok((entry.object.clone(), None));
        }
        Live::Ours(entry) => {
            let last = entry.object.annotations().get(APPLIED_ANNOTATION);
            if entry.settled.is_some() || last.is_some_and(|last| *last != mark) {
                WriteCause::Updated
            } else if let Some(path) = first_drift(&body, &entry.object) {
                WriteCause::Drifted(path)
            } else if last.is_none() {
                WriteCause::Drifted(format!("metadata.annotations.{APPLIED_ANNOTATION}"))
            } else {
                writer.stores.of(child.kind()).settle(&entry.object, &mark);
                return Ok((entry.object.clone(), None));
            }
        }
        Live::Absent | Live::Foreign { .. } => WriteCause::Created,
    };
    body["metadata"]["annotations"][APPLIED_ANNOTATION] = json!(mark);
    if child == Child::Deployment
        && let Some(told) = told(live, decision, &cause)
    {
        body["metadata"]["annotations"][ROLLOUT_ANNOTATION] = told.into();
    }
    if let Some(version) = version {
        body["metadata"]["resourceVersion"] = version;
    }
    let object = send(writer, child.kind(), body).await?;
    if let Live::Ours(entry) = live
        && object.metadata.resource_version.is_some()
        && object.metadata.resource_version == entry.object.metadata.resource_version
    {
        // The API server keeps in other words what we want: it had nothing to change.
        writer.stores.of(child.kind()).settle(&entry.object, &mark);
        return Ok((Arc::new(object), None));
    }
    Ok((Arc::new(object), Some(cause)))
}

/// What the Deployment says of its last rollout once this is written.
fn told(live: &Live, decision: &RolloutDecision, cause: &WriteCause) -> Option<String> {
    let before = match live {
        Live::Ours(entry) => Some(&*entry.object),
        Live::Absent | Live::Foreign { .. } => None,
    };
    let carried = || before?.annotations().get(ROLLOUT_ANNOTATION).cloned();
    rollout_note(before, decision, cause).or_else(carried)
}

/// Sends one object as it shall be.
pub async fn send(writer: &Writer, kind: Kind, body: Value) -> Result<DynamicObject, Error> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (name, namespace) = (text(&body["metadata"]["name"]), text(&body["metadata"]["namespace"]));
    let api = Api::<DynamicObject>::namespaced_with(writer.client.clone(), &namespace, &kind.resource());
    let params = PatchParams::apply(MANAGER).force();
    api.patch(&name, &params, &Patch::Apply(body))
        .await
        .map_err(|error| Error::Apply { kind: kind.name(), source: refusal(error) })
}

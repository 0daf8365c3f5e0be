//! I/O out: the one place of server-side apply. Nothing is sent for a child that is as wanted.

use std::sync::Arc;

use kube::{
    Api, ResourceExt,
    api::{DynamicObject, Patch, PatchParams},
};
use operator_core::{
    manifests::Children,
    model::{
        Child, Error, Kind, Replicas,
        meta::{APPLIED_ANNOTATION, MANAGER, REPLICAS_MANAGER, ROLLOUT_ANNOTATION, digest},
        object::json_of,
    },
    observed::{Live, Observed},
    plan::{
        Applied, Change, WriteCause,
        drift::first_drift,
        revision::{RolloutDecision, rollout_note},
    },
};
use serde_json::{Value, json};

use super::writer::Writer;
use crate::process::refusal::refusal;

/// Applies what differs, of the kinds that the cluster has. A failure keeps no other child back.
pub async fn apply(
    writer: &Writer,
    children: Children,
    observed: &Observed,
    replicas: &Replicas,
    decision: RolloutDecision,
) -> Applied {
    let mut applied = Applied { decision, ..Applied::default() };
    for (child, body) in children.into_objects() {
        if !observed.serves(child.kind()) {
            continue;
        }
        let live = observed.live(child);
        let written = async {
            let handed_over = child == Child::Deployment && hand_over(writer, live, replicas).await?;
            let (object, cause) = apply_one(writer, child, body, live, &applied.decision).await?;
            Ok((object, cause.or_else(|| handed_over.then(|| WriteCause::Drifted("spec.replicas".into())))))
        };
        match written.await {
            Ok((object, cause)) => {
                applied.objects.insert(child, object);
                applied.changes.extend(cause.map(|cause| Change { child, cause }));
            }
            Err(error) => applied.failures.push(error),
        }
    }
    applied
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
            } else if let Some(path) = drift(&body, &entry.object) {
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

/// The first field of `desired` that `live` does not have as wanted.
fn drift(desired: &Value, live: &DynamicObject) -> Option<String> {
    let mut whole = live.data.clone();
    for key in ["apiVersion", "kind"] {
        whole[key] = desired[key].clone();
    }
    whole["metadata"] = json_of(&live.metadata);
    first_drift(desired, &whole)
}

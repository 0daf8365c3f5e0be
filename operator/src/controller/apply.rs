//! I/O out: the one place of server-side apply. Nothing is sent for a child that is as wanted.

use std::{collections::BTreeMap, sync::Arc};

use kube::{
    Api, ResourceExt,
    api::{DynamicObject, Patch, PatchParams},
};
use serde_json::{Value, json};

use super::{
    context::Context,
    drift::first_drift,
    error::Error,
    observe::{Live, Observed},
    replicas::Replicas,
    revision::{Course, rollout},
};
use crate::build::{
    Child, Kind,
    meta::{APPLIED_ANNOTATION, MANAGER, REPLICAS_MANAGER, ROLLOUT_ANNOTATION, digest},
};

/// What became of the children.
#[derive(Debug, Default)]
pub struct Applied {
    /// As the API server has them now.
    pub objects: BTreeMap<Child, Arc<DynamicObject>>,
    /// What was written.
    pub changes: Vec<Change>,
    /// What was deleted because it is not wanted any more.
    pub pruned: Vec<Child>,
    /// What could not be written; the rest was done all the same.
    pub failures: Vec<Error>,
    /// Which rendering of which spec was applied, and why.
    pub course: Course,
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What was written.
    pub child: Child,
    /// Why.
    pub cause: Cause,
}

/// Why an object was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It was not there.
    Created,
    /// We want something else than before.
    Updated,
    /// Somebody changed what is ours; the path of the first such field.
    Drifted(String),
}

impl Applied {
    /// Nothing is applied: what is ours stays as it is.
    pub fn nothing(observed: &Observed) -> Self {
        let ours =
            observed.children.keys().filter_map(|child| Some((*child, observed.ours(*child)?.clone())));
        Self { objects: ours.collect(), ..Self::default() }
    }
}

/// Applies what differs, of the kinds that the cluster has. A failure keeps no other child back.
pub async fn apply(
    context: &Context,
    desired: Vec<(Child, Value)>,
    observed: &Observed,
    replicas: &Replicas,
    course: Course,
) -> Applied {
    let mut applied = Applied { course, ..Applied::default() };
    for (child, body) in desired {
        if !observed.serves(child.kind()) {
            continue;
        }
        let live = observed.live(child);
        let outcome = async {
            let handed_over = child == Child::Deployment && hand_over(context, live, replicas).await?;
            let (object, cause) = apply_one(context, child, body, live, &applied.course).await?;
            Ok((object, cause.or_else(|| handed_over.then(|| Cause::Drifted("spec.replicas".into())))))
        };
        match outcome.await {
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
async fn hand_over(context: &Context, live: &Live, replicas: &Replicas) -> Result<bool, Error> {
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
    let api = Api::<DynamicObject>::namespaced_with(context.client.clone(), namespace, &resource);
    let params = PatchParams::apply(REPLICAS_MANAGER).force();
    api.patch(&entry.object.name_any(), &params, &Patch::Apply(body))
        .await
        .map_err(|source| Error::Apply { kind: kind.name(), source })?;
    Ok(true)
}

async fn apply_one(
    context: &Context,
    child: Child,
    mut body: Value,
    live: &Live,
    course: &Course,
) -> Result<(Arc<DynamicObject>, Option<Cause>), Error> {
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
                Cause::Updated
            } else if let Some(path) = drift(&body, &entry.object) {
                Cause::Drifted(path)
            } else if last.is_none() {
                Cause::Drifted(format!("metadata.annotations.{APPLIED_ANNOTATION}"))
            } else {
                context.stores.of(child.kind()).settle(&entry.object, &mark);
                return Ok((entry.object.clone(), None));
            }
        }
        Live::Absent | Live::Foreign { .. } => Cause::Created,
    };
    body["metadata"]["annotations"][APPLIED_ANNOTATION] = json!(mark);
    if child == Child::Deployment
        && let Some(told) = told(live, course, &cause)
    {
        body["metadata"]["annotations"][ROLLOUT_ANNOTATION] = told.into();
    }
    if let Some(version) = version {
        body["metadata"]["resourceVersion"] = version;
    }
    let object = send(context, child.kind(), body).await?;
    if let Live::Ours(entry) = live
        && object.metadata.resource_version.is_some()
        && object.metadata.resource_version == entry.object.metadata.resource_version
    {
        // The API server keeps in other words what we want: it had nothing to change.
        context.stores.of(child.kind()).settle(&entry.object, &mark);
        return Ok((Arc::new(object), None));
    }
    Ok((Arc::new(object), Some(cause)))
}

/// What the Deployment says of its last rollout once this is written.
fn told(live: &Live, course: &Course, cause: &Cause) -> Option<String> {
    let before = match live {
        Live::Ours(entry) => Some(&*entry.object),
        Live::Absent | Live::Foreign { .. } => None,
    };
    let carried = || before?.annotations().get(ROLLOUT_ANNOTATION).cloned();
    rollout(before, course, cause).or_else(carried)
}

/// Sends one object as it shall be.
pub async fn send(context: &Context, kind: Kind, body: Value) -> Result<DynamicObject, Error> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (name, namespace) = (text(&body["metadata"]["name"]), text(&body["metadata"]["namespace"]));
    let api = Api::<DynamicObject>::namespaced_with(context.client.clone(), &namespace, &kind.resource());
    let params = PatchParams::apply(MANAGER).force();
    api.patch(&name, &params, &Patch::Apply(body))
        .await
        .map_err(|source| Error::Apply { kind: kind.name(), source })
}

/// The first field of `desired` that `live` does not have as wanted.
fn drift(desired: &Value, live: &DynamicObject) -> Option<String> {
    let mut whole = live.data.clone();
    for key in ["apiVersion", "kind"] {
        whole[key] = desired[key].clone();
    }
    // Metadata always has a JSON form.
    whole["metadata"] = serde_json::to_value(&live.metadata).unwrap_or_default();
    first_drift(desired, &whole)
}

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
};
use crate::build::{
    Child,
    meta::{APPLIED_ANNOTATION, MANAGER, digest},
};

/// What became of the children.
#[derive(Debug, Default)]
pub struct Applied {
    /// As the API server has them now.
    pub objects: BTreeMap<Child, Arc<DynamicObject>>,
    /// What was written.
    pub changes: Vec<Change>,
    /// What could not be written; the rest was done all the same.
    pub failures: Vec<Error>,
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

/// Applies what differs, of the kinds that the cluster has. A failure keeps no other child back.
pub async fn apply(context: &Context, desired: Vec<(Child, Value)>, observed: &Observed) -> Applied {
    let mut applied = Applied::default();
    for (child, body) in desired {
        if !observed.serves(child.kind()) {
            continue;
        }
        match apply_one(context, child, body, observed.live(child)).await {
            Ok((object, cause)) => {
                applied.objects.insert(child, object);
                applied.changes.extend(cause.map(|cause| Change { child, cause }));
            }
            Err(error) => applied.failures.push(error),
        }
    }
    applied
}

async fn apply_one(
    context: &Context,
    child: Child,
    mut body: Value,
    live: &Live,
) -> Result<(Arc<DynamicObject>, Option<Cause>), Error> {
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
    let metadata = &mut body["metadata"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (name, namespace) = (text(&metadata["name"]), text(&metadata["namespace"]));
    metadata["annotations"][APPLIED_ANNOTATION] = json!(mark);
    let resource = child.kind().resource();
    let api = Api::<DynamicObject>::namespaced_with(context.client.clone(), &namespace, &resource);
    let params = PatchParams::apply(MANAGER).force();
    let object = api
        .patch(&name, &params, &Patch::Apply(body))
        .await
        .map_err(|source| Error::Apply { kind: child.kind().name(), source })?;
    Ok((Arc::new(object), Some(cause)))
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

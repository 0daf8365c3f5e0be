//! Microservices as the watch has them. Those that can't be read, such as those of another version of the
//! definition, are left alone: without this one of them would stop the watch of all.

use std::{borrow::Cow, sync::Arc};

use k8s_openapi::{NamespaceResourceScope, apimachinery::pkg::apis::meta::v1::Condition};
use kube::{Resource, ResourceExt, api::ObjectMeta, runtime::controller::Action};
use operator_core::{
    api::{Microservice, MicroserviceRef},
    model::Error,
};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

use super::{context::Context, reconcile as reconciling};

/// What `kubectl apply` notes of the whole object for itself.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// A Microservice, readable or not, as text: its type takes several times as much.
#[derive(Clone, Debug)]
pub struct Guarded {
    /// What the Controller reads.
    metadata: ObjectMeta,
    text: Box<str>,
}

impl Guarded {
    /// As its type, if it has that form.
    pub fn read(&self) -> serde_json::Result<Microservice> {
        serde_json::from_str(&self.text)
    }

    /// What its status says.
    pub fn conditions(&self) -> Vec<Condition> {
        #[derive(Deserialize)]
        struct Part {
            status: Status,
        }
        #[derive(Deserialize)]
        struct Status {
            conditions: Vec<Condition>,
        }
        serde_json::from_str(&self.text).map(|Part { status }| status.conditions).unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for Guarded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut object = Value::deserialize(deserializer)?;
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            // As large as all else together, and read by nobody.
            metadata.remove("managedFields");
            let annotations = metadata.get_mut("annotations").and_then(Value::as_object_mut);
            annotations.and_then(|annotations| annotations.remove(LAST_APPLIED));
        }
        let text = object.to_string().into();
        let whole = ObjectMeta::deserialize(object["metadata"].take()).map_err(D::Error::custom)?;
        let ObjectMeta { name, namespace, uid, resource_version, .. } = whole;
        let metadata = ObjectMeta { name, namespace, uid, resource_version, ..ObjectMeta::default() };
        Ok(Self { metadata, text })
    }
}

impl Resource for Guarded {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        Microservice::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        Microservice::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        Microservice::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        Microservice::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// Reconciles what can be read.
pub async fn reconcile(guarded: Arc<Guarded>, context: Arc<Context>) -> Result<Action, Error> {
    let name = name_of(&guarded);
    let read = guarded.read();
    context.memory.unreadable(&name, read.is_err());
    match read {
        Ok(microservice) => reconciling::reconcile(&microservice, &context).await,
        Err(error) => {
            tracing::error!(
                name = guarded.name_any(),
                namespace = guarded.namespace(),
                error = &error as &dyn std::error::Error,
                "a Microservice can't be read and is left as it is: install the definition of this operator's version, or fix the object"
            );
            Ok(Action::await_change())
        }
    }
}

/// When to try again after a failure.
#[allow(clippy::needless_pass_by_value)] // kube's signature
pub fn on_error(guarded: Arc<Guarded>, error: &Error, context: Arc<Context>) -> Action {
    reconciling::on_error(&name_of(&guarded), error, &context)
}

fn name_of(guarded: &Guarded) -> MicroserviceRef {
    MicroserviceRef::new(guarded.namespace().unwrap_or_default(), guarded.name_any())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_kept_is_what_is_read() {
        let condition = json!({"type": "Ready", "status": "True", "reason": "R", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"});
        let mut object = json!({
            "apiVersion": "microservice.dev/v1alpha1", "kind": "Microservice",
            "metadata": {"name": "a", "namespace": "n", "uid": "u", "resourceVersion": "7", "labels": {"team": "shop"},
                "managedFields": [{"manager": "kubectl"}], "annotations": {LAST_APPLIED: "{}", "mine": "1"}},
            "spec": {"concurrency": 7}, "status": {"conditions": [condition]},
        });
        let guarded: Guarded = serde_json::from_value(object.clone()).unwrap();
        assert_eq!(guarded.metadata.resource_version.as_deref(), Some("7"));
        assert_eq!(guarded.conditions()[0].type_, "Ready");
        let read = guarded.read().unwrap();
        assert_eq!((read.spec.concurrency, read.labels()["team"].as_str()), (7, "shop"));
        assert_eq!(read.annotations().keys().collect::<Vec<_>>(), ["mine"]);
        assert!(read.metadata.managed_fields.is_none());
        object["spec"]["concurrency"] = json!("many");
        let guarded: Guarded = serde_json::from_value(object).unwrap();
        assert!(guarded.read().is_err());
        assert_eq!(guarded.conditions().len(), 1);
    }
}

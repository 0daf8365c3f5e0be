//! I/O out: the one place of server-side apply. Nothing is sent for a child that is as wanted.

use std::{fmt::Debug, sync::Arc};

use k8s_openapi::{NamespaceResourceScope, api::apps::v1::Deployment};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{Patch, PatchParams},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    drift::first_drift,
    error::Error,
    observe::{Live, Observed},
};
use crate::build::{
    Desired,
    meta::{APPLIED_ANNOTATION, MANAGER, digest},
};

/// What became of the children.
#[derive(Debug, Default)]
pub struct Applied {
    /// As the API server has it now.
    pub deployment: Option<Deployment>,
    /// Is the ServiceMonitor there?
    pub service_monitor: bool,
    /// What was written.
    pub changes: Vec<Change>,
    /// What could not be written; the rest was done all the same.
    pub failures: Vec<Error>,
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Of the object.
    pub kind: &'static str,
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

/// Applies what differs. The Deployment comes after what its pods need, and the ServiceMonitor
/// last: a failure there must not keep the service from running.
pub async fn apply(client: &Client, desired: Desired, observed: &Observed) -> Applied {
    let Desired { service_account, config_map, deployment, service, service_monitor } = desired;
    let mut applied = Applied::default();
    applied.one(client, service_account, &observed.service_account).await;
    applied.one(client, config_map, &observed.config_map).await;
    applied.one(client, service, &observed.service).await;
    applied.deployment = applied.one(client, deployment, &observed.deployment).await.map(|d| (*d).clone());
    if let Some(service_monitor) = service_monitor.filter(|_| observed.service_monitor_served) {
        applied.service_monitor =
            applied.one(client, service_monitor, &observed.service_monitor).await.is_some();
    }
    applied
}

impl Applied {
    async fn one<K>(&mut self, client: &Client, desired: K, live: &Live<K>) -> Option<Arc<K>>
    where
        K: Child,
    {
        match apply_one(client, desired, live).await {
            Ok((object, cause)) => {
                self.changes.extend(cause.map(|cause| Change { kind: K::NAME, cause }));
                Some(object)
            }
            Err(error) => {
                self.failures.push(error);
                None
            }
        }
    }
}

/// A kind of child.
pub trait Child:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + Serialize + DeserializeOwned
{
    /// Its kind, for messages and metrics.
    const NAME: &'static str;
}

macro_rules! children {
    ($($kind:ty: $name:literal),* $(,)?) => { $(impl Child for $kind { const NAME: &'static str = $name; })* };
}

children! {
    k8s_openapi::api::core::v1::ServiceAccount: "ServiceAccount",
    k8s_openapi::api::core::v1::ConfigMap: "ConfigMap",
    k8s_openapi::api::core::v1::Service: "Service",
    Deployment: "Deployment",
    crate::build::ServiceMonitor: "ServiceMonitor",
}

async fn apply_one<K: Child>(
    client: &Client,
    mut desired: K,
    live: &Live<K>,
) -> Result<(Arc<K>, Option<Cause>), Error> {
    let encode = |source| Error::Encode { kind: K::NAME, source };
    // The digest of the last apply tells when we stop sending a field, which comparing can't.
    let mark = digest(&serde_json::to_vec(&desired).map_err(encode)?);
    desired.annotations_mut().insert(APPLIED_ANNOTATION.into(), mark.clone());
    let body = serde_json::to_value(&desired).map_err(encode)?;
    let cause = match live {
        Live::Ours(object) => match cause(&body, &mark, object.as_ref())? {
            Some(cause) => cause,
            None => return Ok((object.clone(), None)),
        },
        Live::Absent | Live::Foreign { .. } => Cause::Created,
    };
    let api = Api::<K>::namespaced(client.clone(), &desired.namespace().unwrap_or_default());
    let params = PatchParams::apply(MANAGER).force();
    let object = api
        .patch(&desired.name_any(), &params, &Patch::Apply(body))
        .await
        .map_err(|source| Error::Apply { kind: K::NAME, source })?;
    Ok((Arc::new(object), Some(cause)))
}

/// Why `live` has to be written; none if it is as wanted.
fn cause<K: Child>(desired: &Value, mark: &str, live: &K) -> Result<Option<Cause>, Error> {
    if live.annotations().get(APPLIED_ANNOTATION).is_some_and(|last| last != mark) {
        return Ok(Some(Cause::Updated));
    }
    let live = serde_json::to_value(live).map_err(|source| Error::Encode { kind: K::NAME, source })?;
    Ok(first_drift(desired, &live).map(Cause::Drifted))
}

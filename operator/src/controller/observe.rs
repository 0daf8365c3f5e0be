//! I/O in: what the cluster holds of one Microservice. Read from the watches' stores; the API
//! server is asked only where a store has nothing, for an object of somebody else is in none.

use std::{collections::BTreeMap, fmt::Debug, sync::Arc};

use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::Deployment,
        core::v1::{ConfigMap, Pod, Service, ServiceAccount},
    },
};
use kube::{
    Api, Resource, ResourceExt,
    runtime::reflector::{ObjectRef, Store},
};
use serde::de::DeserializeOwned;

use super::{context::Context, error::Error, workers::Answer};
use crate::{
    api::{ConcurrencyChange, Microservice},
    build::{
        ServiceMonitor,
        meta::{MANAGED_BY, OWNER_ANNOTATION, child_name},
    },
};

/// One child as the cluster has it.
#[derive(Clone, Debug)]
pub enum Live<K> {
    /// There is none.
    Absent,
    /// It is controlled by our Microservice.
    Ours(Arc<K>),
    /// The name is taken.
    Foreign {
        /// Of the object.
        name: String,
        /// Who it belongs to, for the user.
        owner: String,
    },
}

impl<K> Live<K> {
    /// The object, if it is ours.
    pub fn ours(&self) -> Option<&K> {
        match self {
            Self::Ours(object) => Some(object),
            Self::Absent | Self::Foreign { .. } => None,
        }
    }
}

/// All that a reconcile decides by.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The child.
    pub service_account: Live<ServiceAccount>,
    /// The child.
    pub config_map: Live<ConfigMap>,
    /// The child.
    pub deployment: Live<Deployment>,
    /// The child.
    pub service: Live<Service>,
    /// The child.
    pub service_monitor: Live<ServiceMonitor>,
    /// Does the cluster know ServiceMonitors?
    pub service_monitor_served: bool,
    /// Pods that are not ending.
    pub pods: Vec<Arc<Pod>>,
    /// What the ready pods say of their workers, by the pods' uid.
    pub workers: BTreeMap<String, Answer>,
}

impl Default for Observed {
    /// An empty cluster that knows ServiceMonitors.
    fn default() -> Self {
        Self {
            service_account: Live::Absent,
            config_map: Live::Absent,
            deployment: Live::Absent,
            service: Live::Absent,
            service_monitor: Live::Absent,
            service_monitor_served: true,
            pods: Vec::new(),
            workers: BTreeMap::new(),
        }
    }
}

/// Reads the children, the pods, and what the pods say.
pub async fn observe(microservice: &Microservice, context: &Context) -> Result<Observed, Error> {
    let stores = &context.stores;
    let child = Child {
        context,
        namespace: microservice.namespace().unwrap_or_default(),
        name: child_name(&microservice.name_any()),
        uid: microservice.uid().unwrap_or_default(),
    };
    let service_monitor_served = *context.service_monitor_served.borrow();
    let service_monitor = async {
        if service_monitor_served && microservice.spec.monitoring.enabled {
            child.live(&stores.service_monitors).await
        } else {
            Ok(child.cached(&stores.service_monitors))
        }
    };
    let (service_account, config_map, deployment, service, service_monitor) = futures::try_join!(
        child.live(&stores.service_accounts),
        child.live(&stores.config_maps),
        child.live(&stores.deployments),
        child.live(&stores.services),
        service_monitor,
    )?;
    let pods = pods(microservice, &stores.pods);
    let workers = match microservice.spec.concurrency_change {
        ConcurrencyChange::Live => context.workers.ask(microservice, &pods).await,
        // The rollout tells.
        ConcurrencyChange::Restart => BTreeMap::new(),
    };
    Ok(Observed {
        service_account,
        config_map,
        deployment,
        service,
        service_monitor,
        service_monitor_served,
        pods,
        workers,
    })
}

/// Where the children of one Microservice are looked for.
struct Child<'a> {
    context: &'a Context,
    namespace: String,
    name: String,
    uid: String,
}

impl Child<'_> {
    async fn live<K>(&self, store: &Store<K>) -> Result<Live<K>, Error>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        match self.cached(store) {
            Live::Absent => {
                let api = Api::<K>::namespaced(self.context.client.clone(), &self.namespace);
                let object = api
                    .get_opt(&self.name)
                    .await
                    .map_err(|source| Error::Read { kind: K::kind(&()).into(), source })?;
                Ok(self.whose(object.map(Arc::new)))
            }
            found => Ok(found),
        }
    }

    fn cached<K: Resource<DynamicType = ()> + Clone>(&self, store: &Store<K>) -> Live<K> {
        self.whose(store.get(&ObjectRef::new(&self.name).within(&self.namespace)))
    }

    fn whose<K: Resource<DynamicType = ()>>(&self, object: Option<Arc<K>>) -> Live<K> {
        match object {
            None => Live::Absent,
            Some(object) if object.owner_references().iter().any(|o| o.uid == self.uid) => Live::Ours(object),
            Some(object) => Live::Foreign { name: object.name_any(), owner: owner(&*object) },
        }
    }
}

/// Who a foreign object belongs to, as well as its metadata tells.
fn owner<K: Resource>(object: &K) -> String {
    if let Some(owner) = object.owner_references().first() {
        return format!("{} {}", owner.kind, owner.name);
    }
    if let Some(release) = object.annotations().get("meta.helm.sh/release-name") {
        return format!("Helm release {release}");
    }
    if let Some(manager) = object.labels().get(MANAGED_BY) {
        return manager.clone();
    }
    object
        .managed_fields()
        .first()
        .and_then(|m| m.manager.clone())
        .map_or_else(|| "somebody else".into(), |manager| format!("somebody else (made by {manager})"))
}

fn pods(microservice: &Microservice, store: &Store<Pod>) -> Vec<Arc<Pod>> {
    let (namespace, name) = (microservice.namespace(), microservice.name_any());
    let mut pods = store.state_filter(|pod| {
        pod.namespace() == namespace
            && pod.meta().deletion_timestamp.is_none()
            && pod.annotations().get(OWNER_ANNOTATION) == Some(&name)
    });
    pods.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    pods
}

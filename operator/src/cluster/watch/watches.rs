//! One task for each kind that is watched, with a backoff of its own: a watch that fails (its RBAC
//! rule removed, its CRD deleted) stalls no other. Each fills a store and names the Microservice
//! that an event is about.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use kube::{
    Api, Client, ResourceExt,
    api::DynamicObject,
    core::PartialObjectMeta,
    runtime::{
        reflector::{ObjectRef, store, store::Writer},
        watcher::Event,
    },
};
use operator_core::{
    api::{Microservice, MicroserviceRef},
    manifests::SERVICE_CONTAINER,
    model::{Kind, meta::OWNER_ANNOTATION},
    observed::Scrapers,
};
use serde_json::Value;
use strum::VariantArray;
use tokio::{sync::watch, time::timeout};

use super::{
    definitions,
    each_event::{Selection, each_event},
    references::{self, References},
    scope::{Scope, WatchNamespace, WatchScope},
    scrapers::watch_scrapers,
    stores::Stores,
    triggers::Triggers,
};
use crate::process::metrics::Metrics;

/// How long a start waits for the Prometheus objects.
const SCRAPERS: Duration = Duration::from_secs(5);

/// The running watches.
pub struct Watches {
    /// Where we look.
    pub scope: Scope,
    /// What they found.
    pub stores: Stores,
    /// Optional kinds that the cluster does not know. Changes when a definition comes or goes.
    pub missing: watch::Receiver<BTreeSet<Kind>>,
    /// Those that select `ServiceMonitors`.
    pub scrapers: watch::Receiver<Scrapers>,
    /// Microservices that something happened to.
    pub triggers: Triggers,
}

impl Watches {
    /// Starts all watches; they end with the runtime.
    pub fn start(client: &Client, metrics: &Arc<Metrics>, watched: &WatchScope) -> Self {
        let WatchScope { scope, secrets } = watched;
        let references = References::new(scope.clone(), *secrets);
        let mut pods = BTreeMap::new();
        let mut writers = Vec::new();
        for namespace in scope.watch_namespaces() {
            let (reader, writer) = store();
            pods.insert(namespace.clone(), reader);
            writers.push((namespace, writer));
        }
        let stores = Stores::scoped(scope.clone(), pods, references);
        let triggers = Triggers::new(scope.clone());
        let missing = definitions::follow(client, metrics, scope);
        for (namespace, writer) in writers {
            for kind in Kind::VARIANTS {
                let (store, triggers, of) = (stores.of(*kind).clone(), triggers.clone(), namespace.clone());
                let handle = move |event| match event {
                    Some(event) => {
                        let found = store.handle_within(&of, event);
                        found.iter().filter_map(|o| owner(o)).for_each(|o| triggers.trigger(&o));
                    }
                    None => store.clear(),
                };
                let (client, missing, metrics) = (client.clone(), missing.clone(), metrics.clone());
                tokio::spawn(watch_children(*kind, client, namespace.clone(), missing, metrics, handle));
            }
            let pods = Api::<Pod>::all(client.clone()).constrain(&namespace);
            tokio::spawn(watch_pods(pods, writer, metrics.clone(), triggers.clone()));
        }
        references::watch(&stores.references, client, metrics, &triggers);
        let scrapers = watch_scrapers(client, metrics, scope);
        Self { scope: scope.clone(), stores, missing, scrapers, triggers }
    }

    /// Waits until everything that each cluster has was listed once.
    pub async fn ready(&self) {
        self.stores.ready().await;
        // Not for long: they are no more than a condition, and one may not be allowed to see them.
        let mut scrapers = self.scrapers.clone();
        let _ = timeout(SCRAPERS, scrapers.wait_for(Scrapers::are_known)).await;
    }
}

/// Watches a kind for as long as the cluster has it. `None` is handled when it goes.
async fn watch_children(
    kind: Kind,
    client: Client,
    namespace: WatchNamespace,
    mut missing: watch::Receiver<BTreeSet<Kind>>,
    metrics: Arc<Metrics>,
    mut handle: impl FnMut(Option<Event<DynamicObject>>),
) {
    let mut goes = missing.clone();
    let resource = kind.resource();
    let whole = Api::<DynamicObject>::all_with(client.clone(), &resource).constrain(&namespace);
    let metadata = Api::<PartialObjectMeta<DynamicObject>>::all_with(client, &resource).constrain(&namespace);
    // An error of `wait_for` says that the runtime ends.
    while missing.wait_for(|missing| !missing.contains(&kind)).await.is_ok() {
        let gone = goes.wait_for(|missing| missing.contains(&kind));
        let events = async {
            if kind.is_metadata_only() {
                let handle = |event| handle(Some(without_content(event)));
                each_event(metadata.clone(), kind.name(), Selection::Ours, &metrics, handle).await;
            } else {
                let handle = |event| handle(Some(event));
                each_event(whole.clone(), kind.name(), Selection::Ours, &metrics, handle).await;
            }
        };
        tokio::select! {
            () = events => {}
            gone = gone => if gone.is_err() { return },
        }
        handle(None);
    }
}

async fn watch_pods(api: Api<Pod>, mut writer: Writer<Pod>, metrics: Arc<Metrics>, triggers: Triggers) {
    each_event(api, "Pod", Selection::Ours, &metrics, |mut event| {
        if let Event::Apply(pod) | Event::InitApply(pod) = &mut event {
            keep_status(pod);
        }
        writer.apply_watcher_event(&event);
        if let Event::Apply(pod) | Event::InitApply(pod) | Event::Delete(pod) = &event
            && let Some(owner) = owner_of_pod(pod)
        {
            triggers.trigger(&owner);
        }
    })
    .await;
}

fn without_content(event: Event<PartialObjectMeta<DynamicObject>>) -> Event<DynamicObject> {
    let object = |PartialObjectMeta { metadata, .. }: PartialObjectMeta<DynamicObject>| DynamicObject {
        types: None,
        metadata,
        data: Value::Null,
    };
    match event {
        Event::Init => Event::Init,
        Event::InitDone => Event::InitDone,
        Event::InitApply(found) => Event::InitApply(object(found)),
        Event::Apply(found) => Event::Apply(object(found)),
        Event::Delete(found) => Event::Delete(object(found)),
    }
}

/// The Microservice that an object is owned by.
fn owner(object: &DynamicObject) -> Option<MicroserviceRef> {
    let namespace = object.metadata.namespace.as_deref()?;
    let owner = object
        .owner_references()
        .iter()
        .find_map(|owner| ObjectRef::<Microservice>::from_owner_ref(Some(namespace), owner, ()))?;
    Some(MicroserviceRef::new(namespace, owner.name))
}

/// Pods are owned by ReplicaSets; the template carries the Microservice's name.
fn owner_of_pod(pod: &Pod) -> Option<MicroserviceRef> {
    let name = pod.annotations().get(OWNER_ANNOTATION)?;
    Some(MicroserviceRef::new(pod.metadata.namespace.as_deref()?, name))
}

/// Of a pod we read the metadata, the status, its ports, and what the service's container may use.
fn keep_status(pod: &mut Pod) {
    pod.metadata.managed_fields = None;
    let slim = |Container { name, ports, resources, .. }| {
        let resources = resources.filter(|_| name == SERVICE_CONTAINER);
        Container { name, ports, resources, ..Container::default() }
    };
    let slim = |containers: Vec<_>| containers.into_iter().map(slim).collect();
    pod.spec = pod.spec.take().map(|PodSpec { containers, init_containers, .. }| PodSpec {
        containers: slim(containers),
        init_containers: init_containers.map(slim),
        ..PodSpec::default()
    });
}

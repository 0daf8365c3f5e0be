//! One task for each kind that is watched, with a backoff of its own: a watch that fails (its RBAC
//! rule removed, its CRD deleted) stalls no other. Each fills a store and names the Microservice
//! that an event is about.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{Stream, StreamExt, future, stream};
use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::DynamicObject,
    core::PartialObjectMeta,
    runtime::{
        WatchStreamExt,
        reflector::{ObjectRef, Store as PodStore, store, store::Writer},
        watcher::{self, Event, watcher},
    },
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use strum::VariantArray;
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

use super::{
    context::Name,
    definitions,
    references::{self, References},
    scope::{Part, Scope},
    scrapers::{Scrapers, watch_scrapers},
    store::Store,
};
use crate::{
    api::Microservice,
    build::{
        Kind, SERVICE_CONTAINER,
        meta::{MANAGED_BY, MANAGER, OWNER_ANNOTATION},
    },
    metrics::Metrics,
};

/// How long a start waits for the Prometheus objects.
const SCRAPERS: Duration = Duration::from_secs(5);

/// What the cluster holds of our objects, kept up to date by the watches.
#[derive(Clone)]
pub struct Stores {
    scope: Scope,
    children: BTreeMap<Kind, Store>,
    /// The pods of all Microservices, by the part of the cluster.
    pods: BTreeMap<Part, PodStore<Pod>>,
    /// Secrets and ConfigMaps that specs name.
    pub references: References,
}

impl Stores {
    /// Empty stores of the whole cluster.
    pub fn new(pods: PodStore<Pod>) -> Self {
        let references = References::new(Scope::default(), true);
        Self::scoped(Scope::default(), BTreeMap::from([(Part::new(), pods)]), references)
    }

    fn scoped(scope: Scope, pods: BTreeMap<Part, PodStore<Pod>>, references: References) -> Self {
        let parts = scope.parts().len();
        let children = Kind::VARIANTS.iter().map(|kind| (*kind, Store::new(parts))).collect();
        Self { scope, children, pods, references }
    }

    /// The objects of one kind.
    #[allow(clippy::indexing_slicing)] // Every kind has a store from `new` on.
    pub fn of(&self, kind: Kind) -> &Store {
        &self.children[&kind]
    }

    /// The pods of a part of the cluster that this namespace is in; none where we do not look.
    pub fn pods(&self, namespace: &str) -> Option<&PodStore<Pod>> {
        self.pods.get(self.scope.part_of(namespace))
    }

    /// Waits until every kind that each cluster has was listed once.
    pub async fn ready(&self) {
        let needed = self.children.iter().filter(|(kind, _)| !kind.is_optional());
        future::join_all(needed.map(|(_, store)| store.ready())).await;
        // An error says that the watch's task is gone; then the process ends anyway.
        future::join_all(self.pods.values().map(PodStore::wait_until_ready)).await;
    }
}

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
    pub touched: Touched,
}

/// Microservices that something happened to, for the one who listens to their part of the cluster;
/// while nobody does, they are dropped, for who comes looks at all of them anyway.
#[derive(Clone, Debug)]
pub struct Touched {
    scope: Scope,
    listeners: Arc<Mutex<BTreeMap<Part, mpsc::UnboundedSender<Name>>>>,
}

impl Touched {
    fn new(scope: Scope) -> Self {
        Self { scope, listeners: Arc::default() }
    }

    /// From now on, until somebody else listens to the same part.
    pub fn listen(&self, part: &str) -> impl Stream<Item = Name> + Send + 'static {
        let (send, receive) = mpsc::unbounded_channel();
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).insert(part.to_owned(), send);
        stream::unfold(receive, |mut receive| async { receive.recv().await.map(|owner| (owner, receive)) })
    }

    /// Something happened to this one.
    pub fn tell(&self, owner: &Name) {
        let part = self.scope.part_of(owner.namespace.as_deref().unwrap_or_default());
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        // An error says that nobody listens.
        let _ = listeners.get(part).map(|listener| listener.send(owner.clone()));
    }
}

impl Watches {
    /// Starts all watches; they end with the runtime.
    pub fn start(client: &Client, metrics: &Arc<Metrics>, scope: &Scope, secrets: bool) -> Self {
        let references = References::new(scope.clone(), secrets);
        let mut pods = BTreeMap::new();
        let mut writers = Vec::new();
        for part in scope.parts() {
            let (reader, writer) = store();
            pods.insert(part.clone(), reader);
            writers.push((part, writer));
        }
        let stores = Stores::scoped(scope.clone(), pods, references);
        let touched = Touched::new(scope.clone());
        let missing = definitions::follow(client, metrics, scope);
        for (part, writer) in writers {
            for kind in Kind::VARIANTS {
                let (store, touched, of) = (stores.of(*kind).clone(), touched.clone(), part.clone());
                let handle = move |event| match event {
                    Some(event) => {
                        let found = store.handle_part(&of, event);
                        found.iter().filter_map(|o| owner(o)).for_each(|o| touched.tell(&o));
                    }
                    None => store.clear(),
                };
                let (client, missing, metrics) = (client.clone(), missing.clone(), metrics.clone());
                tokio::spawn(watch_children(*kind, client, part.clone(), missing, metrics, handle));
            }
            let pods = Api::<Pod>::all(client.clone()).constrain(&part);
            tokio::spawn(watch_pods(pods, writer, metrics.clone(), touched.clone()));
        }
        references::watch(&stores.references, client, metrics, &touched);
        let scrapers = watch_scrapers(client, metrics, scope);
        Self { scope: scope.clone(), stores, missing, scrapers, touched }
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
    part: Part,
    mut missing: watch::Receiver<BTreeSet<Kind>>,
    metrics: Arc<Metrics>,
    mut handle: impl FnMut(Option<Event<DynamicObject>>),
) {
    let mut goes = missing.clone();
    let resource = kind.resource();
    let whole = Api::<DynamicObject>::all_with(client.clone(), &resource).constrain(&part);
    let metadata = Api::<PartialObjectMeta<DynamicObject>>::all_with(client, &resource).constrain(&part);
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

async fn watch_pods(api: Api<Pod>, mut writer: Writer<Pod>, metrics: Arc<Metrics>, touched: Touched) {
    each_event(api, "Pod", Selection::Ours, &metrics, |mut event| {
        if let Event::Apply(pod) | Event::InitApply(pod) = &mut event {
            keep_status(pod);
        }
        writer.apply_watcher_event(&event);
        if let Event::Apply(pod) | Event::InitApply(pod) | Event::Delete(pod) = &event
            && let Some(owner) = owner_of_pod(pod)
        {
            touched.tell(&owner);
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

/// Which objects of a kind are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Those with our label.
    Ours,
    /// All of them.
    All,
}

/// Watches objects of one kind, and begins anew after a failure.
pub async fn each_event<K>(
    api: Api<K>,
    kind: &'static str,
    selection: Selection,
    metrics: &Metrics,
    mut handle: impl FnMut(Event<K>),
) where
    K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let config = match selection {
        Selection::Ours => watcher::Config::default().labels(&format!("{MANAGED_BY}={MANAGER}")),
        Selection::All => watcher::Config::default(),
    };
    let _watched = metrics.pulses.watch(api.resource_url(), kind);
    let mut events = pin!(watcher(api, config).default_backoff());
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => handle(event),
            Err(error) => {
                metrics.watch_failed(kind);
                tracing::warn!(kind, error = &error as &dyn std::error::Error, "watch failed, trying again");
            }
        }
    }
}

/// The Microservice that an object is owned by.
fn owner(object: &DynamicObject) -> Option<ObjectRef<Microservice>> {
    let namespace = object.metadata.namespace.as_deref()?;
    object.owner_references().iter().find_map(|owner| ObjectRef::from_owner_ref(Some(namespace), owner, ()))
}

/// Pods are owned by ReplicaSets; the template carries the Microservice's name.
fn owner_of_pod(pod: &Pod) -> Option<ObjectRef<Microservice>> {
    let name = pod.annotations().get(OWNER_ANNOTATION)?;
    Some(ObjectRef::new(name).within(pod.metadata.namespace.as_deref()?))
}

/// Of a pod we read the metadata, the status, and what the service's container may use.
fn keep_status(pod: &mut Pod) {
    pod.metadata.managed_fields = None;
    let containers = pod.spec.take().into_iter().flat_map(|spec| spec.containers);
    let containers = containers.filter(|container| container.name == SERVICE_CONTAINER);
    let slim = |Container { name, resources, .. }| Container { name, resources, ..Container::default() };
    pod.spec = Some(PodSpec { containers: containers.map(slim).collect(), ..PodSpec::default() });
}

/// An item for each change of `receiver`.
pub(super) fn changes<T: Send + Sync + 'static>(
    receiver: watch::Receiver<T>,
) -> impl Stream<Item = ()> + Send + 'static {
    stream::unfold(receiver, |mut receiver| async move {
        receiver.changed().await.ok()?;
        Some(((), receiver))
    })
}

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
use k8s_openapi::{
    api::core::v1::{Container, Pod, PodSpec},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{ApiResource, DynamicObject},
    core::PartialObjectMeta,
    runtime::{
        WatchStreamExt,
        reflector::{ObjectRef, Store as PodStore, store},
        watcher::{self, Event, watcher},
    },
};
use serde::de::DeserializeOwned;
use strum::VariantArray;
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

use super::{
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
    children: BTreeMap<Kind, Store>,
    /// The pods of all Microservices.
    pub pods: PodStore<Pod>,
}

impl Stores {
    /// Empty stores of children.
    pub fn new(pods: PodStore<Pod>) -> Self {
        Self { children: Kind::VARIANTS.iter().map(|kind| (*kind, Store::default())).collect(), pods }
    }

    /// The objects of one kind.
    #[allow(clippy::indexing_slicing)] // Every kind has a store from `new` on.
    pub fn of(&self, kind: Kind) -> &Store {
        &self.children[&kind]
    }

    /// Waits until every kind that each cluster has was listed once.
    pub async fn ready(&self) {
        let needed = self.children.iter().filter(|(kind, _)| !kind.is_optional());
        future::join_all(needed.map(|(_, store)| store.ready())).await;
        // An error says that the watch's task is gone; then the process ends anyway.
        let _ = self.pods.wait_until_ready().await;
    }
}

/// The running watches.
pub struct Watches {
    /// What they found.
    pub stores: Stores,
    /// Optional kinds that the cluster does not know. Changes when a definition comes or goes.
    pub missing: watch::Receiver<BTreeSet<Kind>>,
    /// Those that select `ServiceMonitors`.
    pub scrapers: watch::Receiver<Scrapers>,
    /// Microservices that something happened to.
    pub touched: Touched,
}

/// Microservices that something happened to, for the one who listens; while nobody does, they are
/// dropped, for who comes looks at all of them anyway.
#[derive(Clone, Debug)]
pub struct Touched(Arc<Mutex<mpsc::UnboundedSender<ObjectRef<Microservice>>>>);

impl Touched {
    fn new() -> Self {
        let (nobody, _) = mpsc::unbounded_channel();
        Self(Arc::new(Mutex::new(nobody)))
    }

    /// From now on, until somebody else listens.
    pub fn listen(&self) -> impl Stream<Item = ObjectRef<Microservice>> + Send + 'static {
        let (send, receive) = mpsc::unbounded_channel();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = send;
        stream::unfold(receive, |mut receive| async { receive.recv().await.map(|owner| (owner, receive)) })
    }

    fn tell(&self, owner: ObjectRef<Microservice>) {
        // An error says that nobody listens.
        let _ = self.0.lock().unwrap_or_else(PoisonError::into_inner).send(owner);
    }
}

impl Watches {
    /// Starts all watches; they end with the runtime.
    pub fn start(client: &Client, metrics: &Arc<Metrics>) -> Self {
        let (reader, mut writer) = store();
        let stores = Stores::new(reader);
        let touched = Touched::new();
        let missing = watch_definitions(client, metrics);
        let scrapers = watch_scrapers(client, metrics);
        for kind in Kind::VARIANTS {
            let (store, touched) = (stores.of(*kind).clone(), touched.clone());
            let api = Api::<DynamicObject>::all_with(client.clone(), &kind.resource());
            let handle = move |event| match event {
                Some(event) => {
                    store.handle(event).iter().filter_map(|o| owner(o)).for_each(|o| touched.tell(o));
                }
                None => store.clear(),
            };
            tokio::spawn(watch_children(*kind, api, missing.clone(), metrics.clone(), handle));
        }
        let (pods, metrics) = (Api::<Pod>::all(client.clone()), metrics.clone());
        let pods_touched = touched.clone();
        tokio::spawn(async move {
            each_event(pods, ours(), "Pod", &metrics, |mut event| {
                if let Event::Apply(pod) | Event::InitApply(pod) = &mut event {
                    keep_status(pod);
                }
                writer.apply_watcher_event(&event);
                if let Event::Apply(pod) | Event::InitApply(pod) | Event::Delete(pod) = &event
                    && let Some(owner) = owner_of_pod(pod)
                {
                    pods_touched.tell(owner);
                }
            })
            .await;
        });
        Self { stores, missing, scrapers, touched }
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
    api: Api<DynamicObject>,
    mut missing: watch::Receiver<BTreeSet<Kind>>,
    metrics: Arc<Metrics>,
    mut handle: impl FnMut(Option<Event<DynamicObject>>),
) {
    let mut goes = missing.clone();
    // An error of `wait_for` says that the runtime ends.
    while missing.wait_for(|missing| !missing.contains(&kind)).await.is_ok() {
        let gone = goes.wait_for(|missing| missing.contains(&kind));
        tokio::select! {
            () = each_event(api.clone(), ours(), kind.name(), &metrics, |event| handle(Some(event))) => {}
            gone = gone => if gone.is_err() { return },
        }
        handle(None);
    }
}

/// Selects our objects.
fn ours() -> watcher::Config {
    watcher::Config::default().labels(&format!("{MANAGED_BY}={MANAGER}"))
}

/// Watches objects of one kind, and begins anew after a failure.
pub(super) async fn each_event<K>(
    api: Api<K>,
    config: watcher::Config,
    kind: &'static str,
    metrics: &Metrics,
    mut handle: impl FnMut(Event<K>),
) where
    K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
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

/// Follows which of the optional kinds are defined.
fn watch_definitions(client: &Client, metrics: &Arc<Metrics>) -> watch::Receiver<BTreeSet<Kind>> {
    let optional = || Kind::VARIANTS.iter().copied().filter(|kind| kind.is_optional());
    let (send, receive) = watch::channel(optional().collect::<BTreeSet<_>>());
    let send = Arc::new(send);
    for kind in optional() {
        let send = send.clone();
        let found = move |found| {
            send.send_if_modified(|missing| if found { missing.remove(&kind) } else { missing.insert(kind) });
        };
        tokio::spawn(watch_definition(kind.resource(), client.clone(), metrics.clone(), found));
    }
    receive
}

/// Says whether the cluster has the definition of a kind, whenever that is found out.
pub(super) async fn watch_definition(
    resource: ApiResource,
    client: Client,
    metrics: Arc<Metrics>,
    found: impl Fn(bool),
) {
    let name = format!("{}.{}", resource.plural, resource.group);
    let api = Api::<PartialObjectMeta<CustomResourceDefinition>>::all(client);
    let _watched = metrics.pulses.watch(api.resource_url(), "CustomResourceDefinition");
    let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let mut events = pin!(watcher(api, config).default_backoff());
    let mut listed = false;
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init) => listed = false,
            Ok(Event::InitApply(_)) => listed = true,
            Ok(Event::InitDone) => found(listed),
            Ok(Event::Apply(_)) => found(true),
            Ok(Event::Delete(_)) => found(false),
            Err(error) => {
                metrics.watch_failed("CustomResourceDefinition");
                let error = &error as &dyn std::error::Error;
                tracing::warn!(definition = name, error, "watch failed, trying again");
            }
        }
    }
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

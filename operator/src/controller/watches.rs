//! One task for each kind that is watched, with a backoff of its own: a watch that fails (its RBAC
//! rule removed, its CRD deleted) stalls no other. Each fills a store and names the Microservice
//! that an event is about.

use std::{
    fmt::Debug,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{Stream, StreamExt, stream};
use k8s_openapi::{
    api::{
        apps::v1::Deployment,
        core::v1::{ConfigMap, Pod, PodSpec, Service, ServiceAccount},
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, Resource, ResourceExt,
    core::PartialObjectMeta,
    runtime::{
        WatchStreamExt,
        reflector::{ObjectRef, Store, store, store::Writer},
        watcher::{self, Event, watcher},
    },
};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, watch};

use crate::{
    api::Microservice,
    build::{
        ServiceMonitor,
        meta::{MANAGED_BY, MANAGER, OWNER_ANNOTATION},
    },
    metrics::Metrics,
};

/// The name of ServiceMonitor's definition.
const SERVICE_MONITOR_CRD: &str = "servicemonitors.monitoring.coreos.com";

/// What the cluster holds of our objects, kept up to date by the watches.
#[derive(Clone)]
#[allow(missing_docs)] // One for each kind.
pub struct Stores {
    pub service_accounts: Store<ServiceAccount>,
    pub config_maps: Store<ConfigMap>,
    pub deployments: Store<Deployment>,
    pub services: Store<Service>,
    pub service_monitors: Store<ServiceMonitor>,
    pub pods: Store<Pod>,
}

impl Stores {
    /// Waits until every kind that each cluster has was listed once.
    pub async fn ready(&self) {
        let Self { service_accounts, config_maps, deployments, services, service_monitors: _, pods } = self;
        // An error says that the watch's task is gone; then the process ends anyway.
        let _ = tokio::join!(
            service_accounts.wait_until_ready(),
            config_maps.wait_until_ready(),
            deployments.wait_until_ready(),
            services.wait_until_ready(),
            pods.wait_until_ready(),
        );
    }
}

/// The running watches.
pub struct Watches {
    /// What they found.
    pub stores: Stores,
    /// Does the cluster know ServiceMonitors? Changes when the CRD comes and goes.
    pub service_monitor_served: watch::Receiver<bool>,
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
        let touched = Touched::new();
        let service_monitor_served = watch_crd(client.clone(), metrics.clone());
        let (_always, served) = watch::channel(true);
        let starter = Starter { client: client.clone(), metrics: metrics.clone(), touched: touched.clone() };
        let stores = Stores {
            service_accounts: starter.start(&served, owned, forget_managers),
            config_maps: starter.start(&served, owned, forget_managers),
            deployments: starter.start(&served, owned, forget_managers),
            services: starter.start(&served, owned, forget_managers),
            service_monitors: starter.start(&service_monitor_served, owned, forget_managers),
            pods: starter.start(&served, owner_of_pod, keep_status),
        };
        Self { stores, service_monitor_served, touched }
    }
}

struct Starter {
    client: Client,
    metrics: Arc<Metrics>,
    touched: Touched,
}

impl Starter {
    fn start<K>(
        &self,
        served: &watch::Receiver<bool>,
        owner: fn(&K) -> Option<ObjectRef<Microservice>>,
        prune: fn(&mut K),
    ) -> Store<K>
    where
        K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    {
        let (reader, writer) = store();
        let task = Watch {
            api: Api::<K>::all(self.client.clone()),
            metrics: self.metrics.clone(),
            touched: self.touched.clone(),
            served: served.clone(),
            writer,
            owner,
            prune,
        };
        tokio::spawn(task.run());
        reader
    }
}

struct Watch<K: Resource<DynamicType = ()> + Clone + 'static> {
    api: Api<K>,
    metrics: Arc<Metrics>,
    touched: Touched,
    served: watch::Receiver<bool>,
    writer: Writer<K>,
    owner: fn(&K) -> Option<ObjectRef<Microservice>>,
    prune: fn(&mut K),
}

impl<K> Watch<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    async fn run(mut self) {
        let mut served = self.served.clone();
        let config = watcher::Config::default().labels(&format!("{MANAGED_BY}={MANAGER}"));
        // An error of `wait_for` says that the value can't change any more.
        while served.wait_for(|served| *served).await.is_ok() {
            let mut events = pin!(watcher(self.api.clone(), config.clone()).default_backoff());
            let mut gone = self.served.clone();
            let gone = async move {
                if gone.wait_for(|served| !*served).await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            let mut gone = pin!(gone);
            loop {
                tokio::select! {
                    () = &mut gone => break,
                    event = events.next() => match event {
                        Some(event) => self.handle(event),
                        None => break,
                    },
                }
            }
            // With the kind, all its objects are gone.
            self.writer.apply_watcher_event(&Event::Init);
            self.writer.apply_watcher_event(&Event::InitDone);
        }
    }

    fn handle(&mut self, event: watcher::Result<Event<K>>) {
        match event {
            Ok(mut event) => {
                if let Event::Apply(object) | Event::InitApply(object) = &mut event {
                    (self.prune)(object);
                }
                self.writer.apply_watcher_event(&event);
                if let Event::Apply(object) | Event::InitApply(object) | Event::Delete(object) = &event
                    && let Some(owner) = (self.owner)(object)
                {
                    self.touched.tell(owner);
                }
            }
            Err(error) => {
                let kind = K::kind(&());
                self.metrics.watch_failed(&kind);
                tracing::warn!(
                    kind = &*kind,
                    error = &error as &dyn std::error::Error,
                    "watch failed, trying again"
                );
            }
        }
    }
}

/// The Microservice that an object is owned by.
fn owned<K: Resource>(object: &K) -> Option<ObjectRef<Microservice>> {
    let namespace = object.meta().namespace.as_deref()?;
    object.owner_references().iter().find_map(|owner| ObjectRef::from_owner_ref(Some(namespace), owner, ()))
}

/// Pods are owned by ReplicaSets; the template carries the Microservice's name.
fn owner_of_pod(pod: &Pod) -> Option<ObjectRef<Microservice>> {
    let name = pod.annotations().get(OWNER_ANNOTATION)?;
    Some(ObjectRef::new(name).within(pod.metadata.namespace.as_deref()?))
}

/// A third of an object, and nobody reads it.
fn forget_managers<K: Resource>(object: &mut K) {
    object.meta_mut().managed_fields = None;
}

/// Of a pod we read the metadata and the status.
fn keep_status(pod: &mut Pod) {
    forget_managers(pod);
    pod.spec = Some(PodSpec::default());
}

/// Follows whether ServiceMonitors are defined.
fn watch_crd(client: Client, metrics: Arc<Metrics>) -> watch::Receiver<bool> {
    let (send, receive) = watch::channel(false);
    tokio::spawn(async move {
        let api = Api::<PartialObjectMeta<CustomResourceDefinition>>::all(client);
        let config = watcher::Config::default().fields(&format!("metadata.name={SERVICE_MONITOR_CRD}"));
        let mut events = pin!(watcher(api, config).default_backoff());
        let mut listed = false;
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Init) => listed = false,
                Ok(Event::InitApply(_)) => listed = true,
                Ok(Event::InitDone) => {
                    send.send_replace(listed);
                }
                Ok(Event::Apply(_)) => {
                    send.send_replace(true);
                }
                Ok(Event::Delete(_)) => {
                    send.send_replace(false);
                }
                Err(error) => {
                    metrics.watch_failed("CustomResourceDefinition");
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "watch of CRDs failed, trying again"
                    );
                }
            }
        }
    });
    receive
}

/// An item for each change of `receiver`.
pub(super) fn changes(receiver: watch::Receiver<bool>) -> impl Stream<Item = ()> + Send + 'static {
    stream::unfold((receiver, None), |(mut receiver, mut last)| async move {
        loop {
            receiver.changed().await.ok()?;
            let now = *receiver.borrow_and_update();
            // The CRD's own changes are none of ours.
            if last.replace(now) != Some(now) {
                return Some(((), (receiver, last)));
            }
        }
    })
}

//! One task for each kind that is watched, with a backoff of its own: a watch that fails (its RBAC
//! rule removed, its CRD deleted) stalls no other. Each fills a store and names the Microservice
//! that an event is about.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client, api::DynamicObject, core::PartialObjectMeta, runtime::watcher::Event};
use operator_core::{model::Kind, observed::Scrapers};
use serde_json::json;
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
        let stores = Stores::scoped(scope.clone(), references);
        let triggers = Triggers::new(scope.clone());
        let missing = definitions::follow(client, metrics, scope);
        for namespace in scope.watch_namespaces() {
            for kind in Kind::VARIANTS {
                let (store, triggers, of) = (stores.of(*kind).clone(), triggers.clone(), namespace.clone());
                let handle = move |event| match event {
                    Some(event) => triggers.trigger_all(&store.handle_within(&of, event)),
                    None => store.clear(),
                };
                let (client, missing, metrics) = (client.clone(), missing.clone(), metrics.clone());
                tokio::spawn(watch_children(*kind, client, namespace.clone(), missing, metrics, handle));
            }
            let api = Api::<Pod>::all(client.clone()).constrain(&namespace);
            let (pods, metrics, triggers) = (stores.pods.clone(), metrics.clone(), triggers.clone());
            tokio::spawn(async move {
                let handle = |event| triggers.trigger_all(&pods.handle_within(&namespace, event));
                each_event(api, "Pod", Selection::Ours, &metrics, handle).await;
            });
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

fn without_content(event: Event<PartialObjectMeta<DynamicObject>>) -> Event<DynamicObject> {
    let object = |PartialObjectMeta { metadata, .. }: PartialObjectMeta<DynamicObject>| DynamicObject {
        types: None,
        metadata,
        data: json!({}),
    };
    match event {
        Event::Init => Event::Init,
        Event::InitDone => Event::InitDone,
        Event::InitApply(found) => Event::InitApply(object(found)),
        Event::Apply(found) => Event::Apply(object(found)),
        Event::Delete(found) => Event::Delete(object(found)),
    }
}

//! I/O: which of the optional kinds the cluster has. Their definitions are watched; an operator of some
//! namespaces may not do that, and asks what the API server serves, which everybody may.

use std::{collections::BTreeSet, pin::pin, sync::Arc, time::Duration};

use futures::StreamExt;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client,
    api::ApiResource,
    core::PartialObjectMeta,
    runtime::{WatchStreamExt, watcher::watch_object},
};
use operator_core::model::Kind;
use strum::VariantArray;
use tokio::{sync::watch, time::MissedTickBehavior};

use super::scope::Scope;
use crate::process::metrics::Metrics;

/// How often an operator of some namespaces asks.
const ASK: Duration = Duration::from_secs(10);

/// Follows which of the optional kinds are missing. At first all are.
pub fn follow(client: &Client, metrics: &Arc<Metrics>, scope: &Scope) -> watch::Receiver<BTreeSet<Kind>> {
    let optional = || Kind::VARIANTS.iter().copied().filter(|kind| kind.is_optional());
    let (send, receive) = watch::channel(optional().collect::<BTreeSet<_>>());
    let send = Arc::new(send);
    for kind in optional() {
        let (client, metrics, missing) = (client.clone(), metrics.clone(), send.clone());
        let found = move |found| {
            missing
                .send_if_modified(|missing| if found { missing.remove(&kind) } else { missing.insert(kind) });
        };
        if scope.is_cluster() {
            tokio::spawn(watch_definition(kind.resource(), client, metrics, found));
        } else {
            tokio::spawn(ask_for(kind.resource(), client, metrics, found));
        }
    }
    receive
}

/// Says whether the cluster has the definition of a kind, whenever that is found out.
pub async fn watch_definition(
    resource: ApiResource,
    client: Client,
    metrics: Arc<Metrics>,
    found: impl Fn(bool),
) {
    let name = format!("{}.{}", resource.plural, resource.group);
    let api = Api::<PartialObjectMeta<CustomResourceDefinition>>::all(client);
    let _watched = metrics.pulses.watch(api.resource_url(), "CustomResourceDefinition");
    let mut states = pin!(watch_object(api, &name).default_backoff());
    while let Some(state) = states.next().await {
        match state {
            Ok(definition) => found(definition.is_some()),
            Err(error) => {
                metrics.watch_failed("CustomResourceDefinition");
                let error = &error as &dyn std::error::Error;
                tracing::warn!(definition = name, error, "watch failed, trying again");
            }
        }
    }
}

async fn ask_for(resource: ApiResource, client: Client, metrics: Arc<Metrics>, found: impl Fn(bool)) {
    let mut ticks = tokio::time::interval(ASK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match client.list_api_group_resources(&resource.api_version).await {
            Ok(served) => {
                found(served.resources.iter().any(|served| served.name == resource.plural));
            }
            Err(kube::Error::Api(status)) if status.is_not_found() => found(false),
            Err(error) => {
                metrics.watch_failed("discovery");
                let error = &error as &dyn std::error::Error;
                tracing::warn!(kind = resource.kind, error, "the API server does not say what it serves");
            }
        }
    }
}

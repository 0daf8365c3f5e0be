//! Watches the Prometheus objects: their kinds are optional, and watched while they are there.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, ResourceExt, api::DynamicObject, core::PartialObjectMeta, runtime::watcher::Event};
use operator_core::observed::{KindState, Scraper, ScraperKind, Scrapers};
use strum::VariantArray;
use tokio::sync::watch;

use super::{
    definitions::watch_definition,
    each_event::{Selection, each_event},
    listing::Listing,
    scope::Scope,
};
use crate::process::metrics::Metrics;

/// Starts the watches; the receiver changes when something did that a selection depends on. A
/// Prometheus may be in any namespace: an operator of some of them does not look, and knows nothing.
pub fn watch_scrapers(client: &Client, metrics: &Arc<Metrics>, scope: &Scope) -> watch::Receiver<Scrapers> {
    let (send, receive) = watch::channel(Scrapers::default());
    let send = Arc::new(send);
    if !scope.is_cluster() {
        return receive;
    }
    for kind in ScraperKind::VARIANTS {
        let (defined, is_defined) = watch::channel(false);
        let told = send.clone();
        let found = move |found| {
            defined.send_if_modified(|before| std::mem::replace(before, found) != found);
            if !found {
                tell(&told, |scrapers| {
                    scrapers.set_kind(*kind, KindState::Undefined);
                });
            }
        };
        tokio::spawn(watch_definition(kind.resource(), client.clone(), metrics.clone(), found));
        tokio::spawn(watch_kind(*kind, client.clone(), metrics.clone(), is_defined, send.clone()));
    }
    tokio::spawn(watch_namespaces(client.clone(), metrics.clone(), send));
    receive
}

async fn watch_kind(
    kind: ScraperKind,
    client: Client,
    metrics: Arc<Metrics>,
    mut defined: watch::Receiver<bool>,
    send: Arc<watch::Sender<Scrapers>>,
) {
    let api = Api::<DynamicObject>::all_with(client, &kind.resource());
    let mut goes = defined.clone();
    while defined.wait_for(|defined| *defined).await.is_ok() {
        let mut found = Listing::default();
        let handled = |event| {
            let of = |object: &DynamicObject| Scraper::of(kind, object);
            if let Some(all) = handle(&mut found, event, of) {
                let all = all.values().cloned().collect();
                tell(&send, |scrapers| {
                    scrapers.set_kind(kind, KindState::Listed(all));
                });
            }
        };
        tokio::select! {
            () = each_event(api.clone(), kind.into(), Selection::All, &metrics, handled) => {}
            gone = goes.wait_for(|defined| !*defined) => if gone.is_err() { return },
        }
    }
}

/// While a Prometheus selects by them.
async fn watch_namespaces(client: Client, metrics: Arc<Metrics>, send: Arc<watch::Sender<Scrapers>>) {
    let api = Api::<PartialObjectMeta<Namespace>>::all(client);
    let (mut wants, mut leaves) = (send.subscribe(), send.subscribe());
    while wants.wait_for(Scrapers::need_namespaces).await.is_ok() {
        let mut found = Listing::default();
        let handled = |event| {
            let of = |object: &PartialObjectMeta<Namespace>| object.labels().clone();
            if let Some(all) = handle(&mut found, event, of) {
                let all = all.iter().map(|((_, name), labels)| (name.clone(), labels.clone())).collect();
                tell(&send, |scrapers| scrapers.set_namespaces(Some(all)));
            }
        };
        tokio::select! {
            () = each_event(api.clone(), "Namespace", Selection::All, &metrics, handled) => {}
            gone = leaves.wait_for(|scrapers| !scrapers.need_namespaces()) => if gone.is_err() { return },
        }
        tell(&send, |scrapers| scrapers.set_namespaces(None));
    }
}

fn tell(send: &watch::Sender<Scrapers>, change: impl FnOnce(&mut Scrapers)) {
    send.send_if_modified(|scrapers| {
        let before = scrapers.clone();
        change(scrapers);
        *scrapers != before
    });
}

/// By namespace and name.
type Named<V> = Listing<(String, String), V>;

/// Gives all where the event may have changed something.
fn handle<K: kube::Resource, V>(
    all: &mut Named<V>,
    event: Event<K>,
    keep: impl Fn(&K) -> V,
) -> Option<&BTreeMap<(String, String), V>> {
    let name = |object: &K| (object.namespace().unwrap_or_default(), object.name_any());
    match event {
        Event::Init => {
            all.begin();
            return None;
        }
        Event::InitApply(object) => {
            all.list(name(&object), keep(&object));
            return None;
        }
        Event::InitDone => {
            all.swap();
        }
        Event::Apply(object) => {
            all.insert(name(&object), keep(&object));
        }
        Event::Delete(object) => {
            all.remove(&name(&object));
        }
    }
    Some(all.found())
}

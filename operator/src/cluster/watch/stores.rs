use std::collections::BTreeMap;

use futures::{StreamExt, future, stream::FuturesUnordered};
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::reflector::Store as PodStore;
use operator_core::model::Kind;
use strum::VariantArray;

use super::{
    references::References,
    scope::{Scope, WatchNamespace},
    store::Store,
};

/// What the cluster holds of our objects, kept up to date by the watches.
#[derive(Clone)]
pub struct Stores {
    scope: Scope,
    children: BTreeMap<Kind, Store>,
    /// The pods of all Microservices, by the namespace that is watched.
    pods: BTreeMap<WatchNamespace, PodStore<Pod>>,
    /// Secrets and ConfigMaps that specs name.
    pub references: References,
}

impl Stores {
    /// Empty stores of the whole cluster.
    pub fn new(pods: PodStore<Pod>) -> Self {
        let references = References::new(Scope::default(), true);
        Self::scoped(Scope::default(), BTreeMap::from([(WatchNamespace::new(), pods)]), references)
    }

    pub(super) fn scoped(
        scope: Scope,
        pods: BTreeMap<WatchNamespace, PodStore<Pod>>,
        references: References,
    ) -> Self {
        let children = Kind::VARIANTS.iter().map(|kind| (*kind, Store::default())).collect();
        Self { scope, children, pods, references }
    }

    /// The objects of one kind.
    #[allow(clippy::indexing_slicing)] // Every kind has a store from `new` on.
    pub fn of(&self, kind: Kind) -> &Store {
        &self.children[&kind]
    }

    /// The pods of the watch that sees this namespace; none where we do not look.
    pub fn pods(&self, namespace: &str) -> Option<&PodStore<Pod>> {
        self.pods.get(self.scope.watch_namespace_of(namespace))
    }

    /// Waits until every kind that each cluster has was listed once where this watch looks.
    pub async fn ready_in(&self, watched: &str) {
        let needed = self.children.iter().filter(|(kind, _)| !kind.is_optional());
        future::join_all(needed.map(|(_, store)| store.ready_in(watched))).await;
        // An error says that the watch's task is gone; then the process ends anyway.
        future::join_all(self.pods.get(watched).map(PodStore::wait_until_ready)).await;
    }

    /// Waits until that is so of a first namespace: one that is gone or that may not be looked at holds up
    /// no other.
    pub async fn ready(&self) {
        let each = self.pods.keys().map(|watched| self.ready_in(watched));
        each.collect::<FuturesUnordered<_>>().next().await;
    }
}

use std::collections::BTreeMap;

use futures::{StreamExt, future, stream::FuturesUnordered};
use k8s_openapi::api::core::v1::Pod;
use kube::api::DynamicObject;
use operator_core::model::Kind;
use strum::VariantArray;

use super::{references::References, scope::Scope, store::Store};

/// What the cluster holds of our objects, kept up to date by the watches.
#[derive(Clone)]
pub struct Stores {
    scope: Scope,
    children: BTreeMap<Kind, Store<DynamicObject>>,
    /// The pods of all Microservices.
    pub pods: Store<Pod>,
    /// Secrets and ConfigMaps that specs name.
    pub references: References,
}

/// Empty stores of the whole cluster.
impl Default for Stores {
    fn default() -> Self {
        Self::scoped(Scope::default(), References::new(Scope::default(), true))
    }
}

impl Stores {
    pub(super) fn scoped(scope: Scope, references: References) -> Self {
        let children = Kind::VARIANTS.iter().map(|kind| (*kind, Store::default())).collect();
        Self { scope, children, pods: Store::default(), references }
    }

    /// The objects of one kind.
    #[allow(clippy::indexing_slicing)] // Every kind has a store from the start.
    pub fn of(&self, kind: Kind) -> &Store<DynamicObject> {
        &self.children[&kind]
    }

    /// Waits until every kind that each cluster has was listed once where this watch looks.
    pub async fn ready_in(&self, watched: &str) {
        let needed = self.children.iter().filter(|(kind, _)| !kind.is_optional());
        future::join_all(needed.map(|(_, store)| store.ready_in(watched))).await;
        self.pods.ready_in(watched).await;
    }

    /// Waits until that is so of a first namespace: one that is gone or that may not be looked at holds up
    /// no other.
    pub async fn ready(&self) {
        let namespaces = self.scope.watch_namespaces();
        let each = namespaces.iter().map(|watched| self.ready_in(watched));
        each.collect::<FuturesUnordered<_>>().next().await;
    }
}

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{Stream, stream};
use operator_core::api::MicroserviceRef;
use tokio::sync::mpsc;

use super::scope::{Scope, WatchNamespace};

/// Microservices that something happened to, for the one who listens to the namespace that is watched;
/// while nobody does, they are dropped, for who comes looks at all of them anyway.
#[derive(Clone, Debug)]
pub struct Triggers {
    scope: Scope,
    listeners: Arc<Mutex<BTreeMap<WatchNamespace, mpsc::UnboundedSender<MicroserviceRef>>>>,
}

impl Triggers {
    /// Nobody listens yet.
    pub fn new(scope: Scope) -> Self {
        Self { scope, listeners: Arc::default() }
    }

    /// From now on, until somebody else listens to the same.
    pub fn listen(&self, watched: &str) -> impl Stream<Item = MicroserviceRef> + Send + 'static {
        let (send, receive) = mpsc::unbounded_channel();
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).insert(watched.to_owned(), send);
        stream::unfold(receive, |mut receive| async { receive.recv().await.map(|owner| (owner, receive)) })
    }

    /// Something happened to these.
    pub fn trigger_all(&self, owners: &[MicroserviceRef]) {
        for owner in owners {
            self.trigger(owner);
        }
    }

    /// Something happened to this one.
    pub fn trigger(&self, owner: &MicroserviceRef) {
        let watched = self.scope.watch_namespace_of(&owner.namespace);
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        // An error says that nobody listens.
        let _ = listeners.get(watched).map(|listener| listener.send(owner.clone()));
    }
}

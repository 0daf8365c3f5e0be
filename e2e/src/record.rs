use std::{
    fmt::Debug,
    sync::{Arc, Mutex, PoisonError},
};

use futures::StreamExt;
use kube::{
    Api, Resource,
    runtime::{
        WatchStreamExt,
        watcher::{self, watcher},
    },
};
use serde::de::DeserializeOwned;
use tokio::task::JoinHandle;

/// Every version of some objects since it was started, as a watch tells them.
pub struct Recording<K> {
    versions: Arc<Mutex<Vec<K>>>,
    task: JoinHandle<()>,
}

impl<K> Recording<K>
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    /// Begins to record the objects that `config` selects.
    pub fn start(api: Api<K>, config: watcher::Config) -> Self {
        let versions = Arc::new(Mutex::new(Vec::new()));
        let record = versions.clone();
        let task = tokio::spawn(async move {
            let mut objects = Box::pin(watcher(api, config).default_backoff().applied_objects());
            while let Some(object) = objects.next().await {
                if let Ok(object) = object {
                    record.lock().unwrap_or_else(PoisonError::into_inner).push(object);
                }
            }
        });
        Self { versions, task }
    }

    /// All versions so far, oldest first.
    pub fn versions(&self) -> Vec<K> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<K> Drop for Recording<K> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

use std::{fmt::Debug, pin::pin};

use futures::StreamExt;
use kube::{
    Api, Resource,
    runtime::{
        WatchStreamExt,
        watcher::{self, Event, watcher},
    },
};
use operator_core::model::meta::{MANAGED_BY, MANAGER};
use serde::de::DeserializeOwned;

use crate::process::metrics::Metrics;

/// Which objects of a kind are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Those with our label.
    Ours,
    /// All of them.
    All,
}

/// Objects that come in one answer to a list. kube's 500 of all kinds at a time, each read as a tree, are the
/// largest part of what a start takes in memory.
pub const PAGE_SIZE: u32 = 50;

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
    let all = watcher::Config::default().page_size(PAGE_SIZE);
    let config = match selection {
        Selection::Ours => all.labels(&format!("{MANAGED_BY}={MANAGER}")),
        Selection::All => all,
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

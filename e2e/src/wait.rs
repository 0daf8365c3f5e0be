//! Waits that watch: they end as soon as the condition holds, and with what was last seen when their
//! time is over.

use std::{collections::BTreeMap, fmt::Debug, pin::pin, time::Duration};

use anyhow::{Context, Result, bail};
use futures::StreamExt;
use kube::{
    Api, Resource, ResourceExt,
    runtime::{
        WatchStreamExt,
        watcher::{self, Event, watcher},
    },
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

/// For what the cluster does by itself at once.
pub const SHORT: Duration = Duration::from_secs(30);

/// For what starts or ends pods.
pub const LONG: Duration = Duration::from_mins(2);

/// Waits until the objects that `config` selects are as `good` wants them, and returns them by name.
pub async fn list<K>(
    api: &Api<K>,
    config: watcher::Config,
    what: &str,
    limit: Duration,
    mut good: impl FnMut(&BTreeMap<String, K>) -> bool,
) -> Result<BTreeMap<String, K>>
where
    K: Resource + Clone + Debug + DeserializeOwned + Serialize + Send + 'static,
{
    let end = Instant::now() + limit;
    let mut events = pin!(watcher(api.clone(), config).default_backoff());
    let (mut objects, mut complete, mut problem) = (BTreeMap::new(), false, None);
    loop {
        let Ok(event) = timeout_at(end, events.next()).await else {
            let seen = serde_json::to_string_pretty(&objects).unwrap_or_default();
            bail!("waited {limit:?} for {what}; watch error: {problem:?}; last seen: {seen}");
        };
        match event.context("the watch ended")? {
            Ok(Event::Init) => {
                objects.clear();
                complete = false;
            }
            Ok(Event::InitDone) => complete = true,
            Ok(Event::InitApply(object) | Event::Apply(object)) => {
                objects.insert(object.name_any(), object);
            }
            Ok(Event::Delete(object)) => {
                objects.remove(&object.name_any());
            }
            // Tried again, as the API server may be away for a moment.
            Err(error) => problem = Some(error.to_string()),
        }
        if complete && good(&objects) {
            return Ok(objects);
        }
    }
}

/// Waits until one object is as `good` wants it; it sees `None` while there is none of that name.
pub async fn object<K>(
    api: &Api<K>,
    name: &str,
    what: &str,
    limit: Duration,
    mut good: impl FnMut(Option<&K>) -> bool,
) -> Result<Option<K>>
where
    K: Resource + Clone + Debug + DeserializeOwned + Serialize + Send + 'static,
{
    let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let what = format!("{name}: {what}");
    let mut objects = list(api, config, &what, limit, |objects| good(objects.get(name))).await?;
    Ok(objects.remove(name))
}

/// Waits until an object is there and as `good` wants it.
pub async fn found<K>(
    api: &Api<K>,
    name: &str,
    what: &str,
    limit: Duration,
    mut good: impl FnMut(&K) -> bool,
) -> Result<K>
where
    K: Resource + Clone + Debug + DeserializeOwned + Serialize + Send + 'static,
{
    object(api, name, what, limit, |found| found.is_some_and(&mut good)).await?.context("gone again")
}

/// Asks again and again, for what can't be watched (an answer of a pod or of Prometheus), until the
/// answer is `Some`. An error counts as no answer yet.
pub async fn until<T>(
    what: &str,
    limit: Duration,
    mut ask: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let end = Instant::now() + limit;
    let mut ticks = interval(Duration::from_millis(100));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = String::from("no answer");
    loop {
        ticks.tick().await;
        match timeout_at(end, ask()).await {
            Ok(Ok(Some(value))) => return Ok(value),
            Ok(Ok(None)) => {}
            Ok(Err(error)) => last = format!("{error:#}"),
            Err(_) => bail!("waited {limit:?} for {what}; last error: {last}"),
        }
        if Instant::now() >= end {
            bail!("waited {limit:?} for {what}; last error: {last}");
        }
    }
}

//! Wiring: the watches, the queue, the terms, the shutdown.

use std::sync::Arc;

use futures::{
    FutureExt, Stream, StreamExt,
    future::{join_all, pending, select_all},
    stream,
};
use kube::{
    Api, Client, ResourceExt,
    runtime::{
        Controller, controller,
        reflector::{self, ObjectRef},
        watcher,
    },
};
use operator_core::{
    api::MicroserviceRef,
    model::{Error, Settings},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    context::Context,
    unreadable::{self, Guarded},
};
use crate::{
    cluster::{
        read::Reader,
        watch::{PAGE_SIZE, WatchScope, Watches},
        write::Writer,
    },
    process::{
        leader::{Leadership, Overrun, lead},
        metrics::Metrics,
        readiness::Readiness,
    },
};

/// Reconciles that run at the same time. Each holds at most a few connections: kube talks HTTP/1.1.
const CONCURRENCY: u16 = 16;

/// Reconciles while it leads, until `stop`; then lets the reconciles that run finish. The children's
/// watches run all the time, so that a standby needs no more than one list of Microservices to take over.
pub async fn run(
    client: Client,
    scope: WatchScope,
    settings: Settings,
    metrics: Arc<Metrics>,
    readiness: Readiness,
    mut leadership: Leadership,
    stop: CancellationToken,
) -> Result<(), Overrun> {
    let watches = Watches::start(&client, &metrics, &scope);
    let ready = async {
        watches.ready().await;
        readiness.stores_filled();
        leadership.known().await;
        readiness.leader_known();
    };
    tokio::select! {
        () = ready => {}
        () = stop.cancelled() => return Ok(()),
    }
    // For a standby; a term begins with saying otherwise.
    readiness.microservices_listed(true);
    lead(leadership, stop, |over| {
        // A context of its own for each term: what another leader did since makes the last one's stale.
        let (stores, missing) = (watches.stores.clone(), watches.missing.clone());
        let writer = Writer::new(client.clone(), stores.clone());
        let reader = Reader::new(client.clone(), stores, missing, watches.scrapers.clone());
        let context = Context::new(reader, writer, settings.clone(), metrics.clone());
        term(client.clone(), &watches, Arc::new(context), readiness.clone(), over)
    })
    .await
}

/// One term: from a list of all Microservices on, until `over`.
async fn term(
    client: Client,
    watches: &Watches,
    context: Arc<Context>,
    readiness: Readiness,
    over: CancellationToken,
) {
    readiness.microservices_listed(false);
    let namespaces = watches.scope.watch_namespaces();
    let concurrency = CONCURRENCY.div_ceil(u16::try_from(namespaces.len()).unwrap_or(CONCURRENCY));
    let (stores, reconciles): (Vec<_>, Vec<_>) = namespaces
        .iter()
        .map(|namespace| {
            let api = Api::<Guarded>::all(client.clone()).constrain(namespace);
            let (url, metrics) = (api.resource_url().to_owned(), context.metrics.clone());
            let controller = Controller::new(api, watcher::Config::default().page_size(PAGE_SIZE))
                .with_config(controller::Config::default().concurrency(concurrency))
                .reconcile_on(
                    watches
                        .triggers
                        .listen(namespace)
                        .map(|name| ObjectRef::new(&name.name).within(&name.namespace)),
                )
                .reconcile_all_on(changes(watches.missing.clone()))
                .reconcile_all_on(changes(watches.scrapers.clone()))
                .graceful_shutdown_on(over.clone().cancelled_owned());
            let store = controller.store();
            let context = context.clone();
            let reconciles = controller
                .run(unreadable::reconcile, unreadable::on_error, context.clone())
                .for_each(move |result| {
                    if let Err(controller::Error::ObjectNotFound(object)) = &result {
                        let namespace = object.namespace.as_deref().unwrap_or_default();
                        context.forget(&MicroserviceRef::new(namespace, &object.name));
                    }
                    log(result);
                    futures::future::ready(())
                });
            let unlisted = ended_unlisted(store.clone(), over.clone());
            let (stores, ends, place) = (watches.stores.clone(), over.clone(), namespace.clone());
            let reconciles = async move {
                // What is there has to be known before anything is decided.
                tokio::select! {
                    () = stores.ready_in(&place) => {}
                    () = ends.cancelled() => return,
                }
                let pulse = metrics.pulses.watch(&url, "Microservice");
                tokio::select! {
                    () = reconciles => {}
                    () = unlisted => {}
                }
                drop(pulse);
            };
            (store, reconciles)
        })
        .unzip();
    let shown = stores.clone();
    context.metrics.show_conditions(Some(Box::new(move |show| {
        for guarded in shown.iter().flat_map(reflector::Store::state) {
            show(&guarded.namespace().unwrap_or_default(), &guarded.name_any(), &guarded.conditions());
        }
    })));
    let filled = async {
        // Of a first namespace: one that may not be looked at holds up no other. A store wakes one of those who
        // wait for it; `select_all` looks at all of them whoever of this task is woken.
        let all = stores.iter().map(|store| store.wait_until_ready().boxed());
        if let (Ok(()), ..) = select_all(all).await {
            readiness.microservices_listed(true);
        }
    };
    futures::join!(join_all(reconciles), filled);
    // Another leader's from now on.
    context.metrics.show_conditions(None);
    context.metrics.backs_off(0);
    readiness.microservices_listed(true);
}

/// A Controller ends only after its first list. While that is refused, it has begun nothing, and need not
/// be waited for.
async fn ended_unlisted(store: reflector::Store<Guarded>, over: CancellationToken) {
    over.cancelled().await;
    if store.wait_until_ready().now_or_never().is_some() {
        pending::<()>().await;
    }
}

fn log(result: Result<(ObjectRef<Guarded>, controller::Action), controller::Error<Error, watcher::Error>>) {
    match result {
        Ok((object, _)) => tracing::debug!(%object, "reconciled"),
        // A child's event may come after its Microservice is gone.
        Err(controller::Error::ObjectNotFound(object)) => tracing::debug!(%object, "gone"),
        // `on_error` has told it with its class.
        Err(controller::Error::ReconcilerFailed(..)) => {}
        Err(error) => tracing::warn!(
            error = &error as &dyn std::error::Error,
            "watch of Microservices failed, trying again"
        ),
    }
}

/// An item for each change of `receiver`.
fn changes<T: Send + Sync + 'static>(
    receiver: watch::Receiver<T>,
) -> impl Stream<Item = ()> + Send + 'static {
    stream::unfold(receiver, |mut receiver| async move {
        receiver.changed().await.ok()?;
        Some(((), receiver))
    })
}

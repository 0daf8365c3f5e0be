//! Wiring: the watches, the queue, the terms, the shutdown. The reconcile itself is in [`reconcile`].

pub mod apply;
mod autoscaler;
mod backoff;
pub mod conditions;
mod context;
mod disruption;
mod drift;
mod error;
mod events;
mod monitored;
pub mod observe;
mod prune;
mod reconcile;
pub mod replicas;
mod resize;
mod resources;
mod scrapers;
pub mod status;
mod store;
mod trouble;
pub mod validate;
mod verify;
mod warnings;
mod watches;
mod workers;

use std::sync::Arc;

use futures::{FutureExt, StreamExt};
use kube::{
    Api, Client,
    runtime::{Controller, controller, watcher},
};
use tokio_util::sync::CancellationToken;

pub use context::{Context, Name};
pub use error::{Class, Error};
pub use reconcile::{on_error, reconcile};
pub use scrapers::Scrapers;
pub use store::{Entry, Store};
pub use validate::{Network, Settings};
pub use watches::{Stores, Watches};

use crate::{
    api::Microservice,
    leader::{Leadership, Overrun, lead},
    metrics::Metrics,
    readiness::Readiness,
};

/// Reconciles that run at the same time. Each holds at most a few connections: kube talks HTTP/1.1.
const CONCURRENCY: u16 = 16;

/// Reconciles while it leads, until `stop`; then lets the reconciles that run finish. The children's
/// watches run all the time, so that a standby needs no more than one list of Microservices to take over.
pub async fn run(
    client: Client,
    settings: Settings,
    metrics: Arc<Metrics>,
    readiness: Readiness,
    mut leadership: Leadership,
    stop: CancellationToken,
) -> Result<(), Overrun> {
    let watches = Watches::start(&client, &metrics);
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
        let context = Context::new(
            client.clone(),
            watches.stores.clone(),
            watches.missing.clone(),
            watches.scrapers.clone(),
            settings.clone(),
            metrics.clone(),
        );
        term(&watches, Arc::new(context), readiness.clone(), over)
    })
    .await
}

/// One term: from a list of all Microservices on, until `over`.
async fn term(watches: &Watches, context: Arc<Context>, readiness: Readiness, over: CancellationToken) {
    readiness.microservices_listed(false);
    let client = context.client.clone();
    let api = Api::<Microservice>::all(client);
    let _watched = context.metrics.pulses.watch(api.resource_url(), "Microservice");
    let controller = Controller::new(api, watcher::Config::default())
        .with_config(controller::Config::default().concurrency(CONCURRENCY))
        .reconcile_on(watches.touched.listen())
        .reconcile_all_on(watches::changes(watches.missing.clone()))
        .reconcile_all_on(watches::changes(watches.scrapers.clone()))
        .graceful_shutdown_on(over.cancelled_owned());
    let store = controller.store();
    let shown = store.clone();
    context.metrics.show_conditions(Some(Box::new(move || shown.state())));
    let filled = async {
        if store.wait_until_ready().await.is_ok() {
            readiness.microservices_listed(true);
        }
    };
    let reconciles = controller.run(reconcile, on_error, context.clone()).for_each(|result| {
        if let Err(controller::Error::ObjectNotFound(object)) = &result {
            let namespace = object.namespace.as_deref().unwrap_or_default();
            context.forget(&Name::new(&object.name).within(namespace));
        }
        log(result);
        futures::future::ready(())
    });
    futures::join!(reconciles, filled.map(drop));
    // Another leader's from now on.
    context.metrics.show_conditions(None);
    context.metrics.backs_off(0);
    readiness.microservices_listed(true);
}

fn log(
    result: Result<
        (kube::runtime::reflector::ObjectRef<Microservice>, controller::Action),
        controller::Error<Error, watcher::Error>,
    >,
) {
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

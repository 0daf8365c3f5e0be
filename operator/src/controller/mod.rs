//! Wiring: the watches, the queue, the shutdown. The reconcile itself is in [`reconcile`].

pub mod apply;
mod backoff;
pub mod conditions;
mod context;
mod drift;
mod error;
mod events;
pub mod observe;
mod prune;
mod reconcile;
pub mod status;
mod trouble;
pub mod validate;
mod watches;
mod workers;

use std::sync::Arc;

use futures::{FutureExt, StreamExt, stream};
use kube::{
    Api, Client,
    runtime::{Controller, controller, watcher},
};
use tokio_util::sync::CancellationToken;

pub use context::Context;
pub use error::{Class, Error};
pub use reconcile::{on_error, reconcile};
pub use validate::Settings;
pub use watches::{Stores, Watches};

use crate::{api::Microservice, metrics::Metrics, readiness::Readiness};

/// Reconciles that run at the same time. Each holds at most a few connections: kube talks HTTP/1.1.
const CONCURRENCY: u16 = 16;

/// Runs until `stop`, then lets the reconciles that run finish.
pub async fn run(
    client: Client,
    settings: Settings,
    metrics: Arc<Metrics>,
    readiness: Readiness,
    stop: CancellationToken,
) {
    let Watches { stores, service_monitor_served, touched } = Watches::start(&client, &metrics);
    tokio::select! {
        () = stores.ready() => readiness.stores_filled(),
        () = stop.cancelled() => return,
    }
    let context =
        Arc::new(Context::new(client.clone(), stores, service_monitor_served.clone(), settings, metrics));
    let touched =
        stream::unfold(touched, |mut touched| async { touched.recv().await.map(|owner| (owner, touched)) });
    let controller = Controller::new(Api::<Microservice>::all(client), watcher::Config::default())
        .with_config(controller::Config::default().concurrency(CONCURRENCY))
        .reconcile_on(touched)
        .reconcile_all_on(watches::changes(service_monitor_served))
        .graceful_shutdown_on(stop.clone().cancelled_owned());
    let store = controller.store();
    let filled = async move {
        if store.wait_until_ready().await.is_ok() {
            readiness.microservices_listed();
        }
    };
    let reconciles = controller.run(reconcile, on_error, context).for_each(|result| {
        log(result);
        futures::future::ready(())
    });
    futures::join!(reconciles, filled.map(drop));
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

//! Wiring: the watches, the queue, the terms, the shutdown. The reconcile itself is in [`reconcile`].

pub mod apply;
mod autoscaler;
mod backoff;
pub mod conditions;
mod context;
mod definitions;
mod disruption;
mod drift;
mod error;
mod events;
pub mod guard;
mod inventory;
mod monitored;
pub mod observe;
mod prune;
mod reconcile;
mod references;
pub mod replicas;
mod resize;
mod resources;
mod revision;
mod scope;
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

use futures::{
    FutureExt, StreamExt,
    future::{join_all, pending},
};
use kube::{
    Api, Client,
    runtime::{Controller, controller, reflector, watcher},
};
use tokio_util::sync::CancellationToken;

pub use context::{Context, Name};
pub use error::{Class, Error};
pub use reconcile::{on_error, reconcile};
pub use references::{ReferenceKind, References};
pub use scope::Scope;
pub use scrapers::Scrapers;
pub use store::{Entry, Store};
pub use validate::{Network, Settings};
pub use watches::{Stores, Watches};

use guard::Guarded;

use crate::{
    leader::{Leadership, Overrun, lead},
    metrics::Metrics,
    readiness::Readiness,
};

/// Reconciles that run at the same time. Each holds at most a few connections: kube talks HTTP/1.1.
const CONCURRENCY: u16 = 16;

/// What is looked at.
#[derive(Clone, Debug, Default)]
pub struct Sight {
    /// In which namespaces.
    pub scope: Scope,
    /// The metadata of Secrets, to replace pods when one changes?
    pub secrets: bool,
}

/// Reconciles while it leads, until `stop`; then lets the reconciles that run finish. The children's
/// watches run all the time, so that a standby needs no more than one list of Microservices to take over.
pub async fn run(
    client: Client,
    sight: Sight,
    settings: Settings,
    metrics: Arc<Metrics>,
    readiness: Readiness,
    mut leadership: Leadership,
    stop: CancellationToken,
) -> Result<(), Overrun> {
    let watches = Watches::start(&client, &metrics, &sight.scope, sight.secrets);
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
    let parts = watches.scope.parts();
    let concurrency = CONCURRENCY.div_ceil(u16::try_from(parts.len()).unwrap_or(CONCURRENCY));
    let (stores, reconciles): (Vec<_>, Vec<_>) = parts
        .iter()
        .map(|part| {
            let api = Api::<Guarded>::all(context.client.clone()).constrain(part);
            let pulse = context.metrics.pulses.watch(api.resource_url(), "Microservice");
            let controller = Controller::new(api, watcher::Config::default())
                .with_config(controller::Config::default().concurrency(concurrency))
                .reconcile_on(watches.touched.listen(part).map(|name| name.into_kind_unchecked(())))
                .reconcile_all_on(watches::changes(watches.missing.clone()))
                .reconcile_all_on(watches::changes(watches.scrapers.clone()))
                .graceful_shutdown_on(over.clone().cancelled_owned());
            let store = controller.store();
            let context = context.clone();
            let reconciles =
                controller.run(guard::reconcile, guard::on_error, context.clone()).for_each(move |result| {
                    if let Err(controller::Error::ObjectNotFound(object)) = &result {
                        let namespace = object.namespace.as_deref().unwrap_or_default();
                        context.forget(&Name::new(&object.name).within(namespace));
                    }
                    log(result);
                    futures::future::ready(())
                });
            let unlisted = ended_unlisted(store.clone(), over.clone());
            let reconciles = async move {
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
            if let Ok(microservice) = &guarded.0 {
                show(microservice);
            }
        }
    })));
    let filled = async {
        let all = join_all(stores.iter().map(reflector::Store::wait_until_ready)).await;
        if all.iter().all(Result::is_ok) {
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

fn log(
    result: Result<
        (reflector::ObjectRef<Guarded>, controller::Action),
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

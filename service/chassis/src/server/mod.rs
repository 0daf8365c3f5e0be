//! Two listeners, worker slots between the service port and the handlers, live resizing, and an orderly end.
//!
//! ```text
//! service port -> listener -> connection -> front -+-> /status, /metrics, docs, 404, 405
//!                                                  +-> limits (whole body) -> queue -> slot -> handler
//! admin port   -> listener -> connection -> front -> probes, /metrics, /workers
//! ```

mod admin;
mod connection;
mod front;
mod limits;
mod listener;
mod phase;
mod queue;
pub mod reload;
mod roster;
mod scopes;
mod shutdown;
mod workers;

use std::{
    collections::BTreeSet,
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Router, middleware::from_fn_with_state};
use futures::future::OptionFuture;
use tokio::{net::TcpListener, time::sleep};
use tokio_util::sync::CancellationToken;

pub(crate) use self::front::Front;
use self::{
    connection::Patience,
    limits::{Limits, Route},
    listener::Connections,
    scopes::Scopes,
};
pub use self::{
    roster::Tally,
    shutdown::{Outcome, Shutdown},
    workers::{Size, Snapshot, Workers},
};
use crate::{
    app::App,
    auth::{self, AuthError, Guard, Refresh},
    config::{Config, Listen},
    db::{Database, Monitor},
    docs,
    envelope::Envelope,
    health::{self, Readiness},
    metrics::Metrics,
    notify::{Notifier, NotifyError},
    openapi::{self, Description},
    routes::{Entry, Routes},
    statsd::Push,
    trace::{TraceError, Tracing},
};

/// What is left to be sent, spans and notifications, has this long when the drain took all of its own time.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address is taken or not ours.
    #[error("cannot listen on {listen}")]
    Bind {
        /// The configured address.
        listen: Listen,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Two routes of one path; often `health.path` set to a path of a feature.
    #[error("the path {path} is used twice; set health.path to a path of its own")]
    PathTaken {
        /// The path.
        path: String,
    },
    /// Tokens are to be asked for and cannot be checked.
    #[error("tokens cannot be checked")]
    Auth(#[from] AuthError),
    /// Requests are to be traced and cannot be.
    #[error("requests cannot be traced")]
    Trace(#[from] TraceError),
    /// Notifications are on and could not be kept.
    #[error("notifications cannot be kept")]
    Notify(#[from] NotifyError),
}

/// Both listeners, bound but not yet accepting.
#[derive(Debug)]
pub struct Server {
    service: Bound,
    admin: Bound,
    inside: Inside,
    drain_timeout: Duration,
}

/// What requests find behind both listeners, and what works beside them.
#[derive(Debug)]
pub(crate) struct Assembled {
    pub service: Front,
    pub admin: Front,
    pub inside: Inside,
}

/// What is shared by both listeners.
#[derive(Debug)]
pub(crate) struct Inside {
    pub readiness: Arc<Readiness>,
    workers: Arc<Workers>,
    keys: Option<Refresh>,
    push: Option<Push>,
    tracing: Option<Tracing>,
    notifier: Option<Notifier>,
    monitor: Option<Monitor>,
}

impl Assembled {
    /// Everything that `config` says of `app` but the sockets.
    pub(crate) async fn new(config: &Config, app: App) -> Result<Self, ServerError> {
        let description = Arc::new(Description::of(config, &app));
        let App { features, metrics, database, notifier, .. } = app;
        if let Some(notifier) = &notifier {
            notifier.open().await?;
        }
        let workers = Arc::new(Workers::new(Size::of(&config.server), Arc::clone(&metrics)));
        let readiness = Arc::new(Readiness::new(database.clone()));
        let (guard, keys) = auth::open(&config.auth, &metrics, &readiness)?.unzip();
        let (service, scopes) = service_router(
            config,
            features,
            &description,
            &metrics,
            &workers,
            guard.as_ref(),
            database.clone(),
        )?;
        let mut monitor = database.map(Monitor::start);
        if let Some(monitor) = &mut monitor {
            // So that the first request finds what it needs; a database that is away keeps nobody from starting.
            monitor.asked(config.db.connect_timeout.0).await;
        }
        let push = match &config.metrics {
            on if on.push => Some(Push::open(on, &metrics, &workers).await),
            _ => None,
        };
        let admin = admin::router(&readiness, &metrics, &workers);
        let tracing = Tracing::new(&config.tracing, &config.service, &metrics)?;
        let tracer = tracing.as_ref().map(|tracing| Arc::clone(&tracing.tracer));
        let trusted = Arc::new(config.server.trusted_proxies.clone());
        let service =
            Front::new(service, scopes, Arc::clone(&readiness), Some(metrics), Arc::clone(&trusted))
                .always(config.cors.headers())
                .traced(tracer);
        let admin = Front::new(admin, Scopes::default(), Arc::clone(&readiness), None, trusted);
        Ok(Self {
            service,
            admin,
            inside: Inside { readiness, workers, keys, push, tracing, notifier, monitor },
        })
    }
}

struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    connections: Connections,
}

impl Server {
    /// Binds both listeners of `config` for the routes of `app`.
    pub async fn bind(config: &Config, app: App) -> Result<Self, ServerError> {
        let Assembled { service, admin, inside } = Assembled::new(config, app).await?;
        let patience = Patience::of(&config.server);
        Ok(Self {
            service: Bound::new(&config.server.listen, Connections::new(service, patience)).await?,
            admin: Bound::new(&config.server.admin, Connections::new(admin, patience)).await?,
            inside,
            drain_timeout: config.server.drain_timeout.0,
        })
    }

    /// Where the service port is, of interest when it was configured as port 0.
    pub fn service_address(&self) -> SocketAddr {
        self.service.address
    }

    /// Where the admin port is.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin.address
    }

    /// The worker slots, to watch or resize them.
    pub fn workers(&self) -> Arc<Workers> {
        Arc::clone(&self.inside.workers)
    }

    /// Serves until `shutdown` asks for the end and the drain is over.
    ///
    /// Order of the end: `/readyz` turns 503; no new connections; requests that are queued or in hand are finished,
    /// each connection is told `Connection: close` and ends; then the admin port closes.
    pub async fn run(self, shutdown: Shutdown) -> Outcome {
        let Self { service, admin, inside, drain_timeout } = self;
        let Inside { readiness, workers, keys, push, tracing, notifier, monitor: _monitor } = inside;
        let acceptors = tokio::runtime::Handle::current().metrics().num_workers();
        let (stop_service, stop_admin) = (CancellationToken::new(), CancellationToken::new());
        let serving = tokio::spawn(service.serve(acceptors, stop_service.clone()));
        let administering = tokio::spawn(admin.serve(1, stop_admin.clone()));
        let stop_push = CancellationToken::new();
        let pushing = push.map(|push| tokio::spawn(push.run(stop_push.clone())));
        let refreshing = keys.map(|keys| tokio::spawn(keys.run(stop_admin.clone())));
        let exports = tracing.map(Tracing::start);
        let deliveries = notifier.map(Notifier::start);
        readiness.start();
        shutdown.drain.cancelled().await;

        let deadline = Instant::now() + drain_timeout;
        let Snapshot { busy, queued, .. } = workers.snapshot();
        tracing::info!("shutting down: finishing {busy} requests in hand and {queued} queued");
        readiness.drain();
        stop_service.cancel();
        let outcome = match serving.await {
            Ok(connections) => end(connections, drain_timeout, &shutdown).await,
            Err(error) => {
                tracing::error!("the listener has failed: {error}");
                Outcome::CutOff { connections: 0 }
            }
        };
        match outcome {
            Outcome::Drained => tracing::info!("every request is answered"),
            Outcome::CutOff { connections } => tracing::warn!("{connections} connections were cut off"),
        }
        let last = deadline.max(Instant::now() + LAST_WORDS);
        tokio::join!(
            OptionFuture::from(exports.map(|exports| exports.end(last))),
            OptionFuture::from(deliveries.map(|deliveries| deliveries.end(last))),
        );
        stop_push.cancel();
        if let Some(pushing) = pushing {
            // It has sent what the last requests have counted.
            _ = pushing.await;
        }
        stop_admin.cancel();
        if let Some(refreshing) = refreshing {
            _ = refreshing.await;
        }
        if let Ok(connections) = administering.await {
            connections.cut.cancel();
        }
        outcome
    }
}

/// Lets the open connections finish.
async fn end(connections: Connections, drain_timeout: Duration, shutdown: &Shutdown) -> Outcome {
    let Connections { drain, cut, open, .. } = connections;
    drain.cancel();
    open.close();
    tokio::select! {
        () = open.wait() => return Outcome::Drained,
        () = sleep(drain_timeout) => {}
        () = shutdown.abort.cancelled() => {}
    }
    let connections = open.len();
    cut.cancel();
    open.wait().await;
    Outcome::CutOff { connections }
}

impl Bound {
    async fn new(listen: &Listen, connections: Connections) -> Result<Self, ServerError> {
        let (listener, address) = listener::bind(listen)
            .await
            .map_err(|source| ServerError::Bind { listen: listen.clone(), source })?;
        Ok(Self { listener, address, connections })
    }

    /// Accepts until `stop`, then hands back what has to be ended.
    async fn serve(self, acceptors: usize, stop: CancellationToken) -> Connections {
        let Self { listener, address: _, connections } = self;
        listener::serve(listener, acceptors, connections.clone(), stop).await;
        connections
    }
}

impl std::fmt::Debug for Bound {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_tuple("Bound").field(&self.address).finish()
    }
}

fn service_router(
    config: &Config,
    features: Vec<Routes>,
    description: &Arc<Description>,
    metrics: &Arc<Metrics>,
    workers: &Arc<Workers>,
    guard: Option<&Arc<Guard>>,
    database: Option<Database>,
) -> Result<(Router, Scopes), ServerError> {
    let status = health::status(&config.service, database);
    let mut own = Routes::new(Envelope::Raw).unqueued(&config.health.path.to_string(), status);
    if !config.metrics.push {
        own = own.unqueued("/metrics", admin::scrape(metrics, workers));
    }
    let own = [own, openapi::routes(description)].into_iter().chain(docs::routes(config));
    let mut built = Router::new();
    let mut taken = BTreeSet::new();
    // `GET /` is ours; a feature may have the other methods of it.
    let mut shared = features.iter().any(Routes::shares_root);
    let mut scopes = Scopes::default();
    for Routes { envelope, entries, .. } in own.chain(features) {
        for Entry { path, methods, queued } in entries {
            let is_second = !taken.insert(path.clone());
            if is_second && !(path == "/" && std::mem::take(&mut shared)) {
                return Err(ServerError::PathTaken { path });
            }
            scopes.add(&path, envelope);
            let methods = if queued {
                let route = Route {
                    path: path.as_str().into(),
                    envelope,
                    guard: guard.filter(|_| config.auth.guards(&path)).cloned(),
                    limits: Limits::of(&config.server),
                    workers: Arc::clone(workers),
                };
                methods.route_layer(from_fn_with_state(Arc::new(route), limits::work))
            } else {
                admin::unqueued(&path, envelope, methods)
            };
            built = built.route(&path, methods);
        }
    }
    Ok((built, scopes))
}

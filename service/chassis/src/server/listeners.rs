//! The sockets of a server.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use chassis_config::Listen;
#[cfg(feature = "notify")]
use chassis_extras::notify::Deliveries;
use chassis_telemetry::{statsd::Snapshot, trace::Tracing};
use futures::future::OptionFuture;
use tokio::{net::TcpListener, sync::oneshot, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    ServerError,
    assembled::{Assembled, Inside},
    connection::Patience,
    listener::{self, Connections, Room},
    shutdown::{Outcome, Shutdown},
    workers::Workers,
};
use crate::{App, config::Config};

/// What is left to be sent after the last answer has as much time as the drain left, between these two: spans can be
/// missed and notifications are on disk, so a receiver that is away does not hold up the end.
const LAST_WORDS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];

/// Both listeners, bound but not yet accepting.
#[derive(Debug)]
pub struct Server {
    service: Bound,
    admin: Bound,
    inside: Inside,
    drain_timeout: Duration,
}

struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    connections: Connections,
}

impl Server {
    /// Binds both listeners of `config` for the routes of `app`.
    pub async fn bind(config: &Config, app: App) -> Result<Self, ServerError> {
        let Assembled { service, admin, sockets: [on_service, on_admin], inside } =
            Assembled::new(config, app).await?;
        let patience = Patience::of(&config.server);
        Ok(Self {
            service: Bound::new(
                "server.listen",
                &config.server.listen,
                Connections::new(service, patience, on_service, Room::of(&config.server)),
            )
            .await?,
            admin: Bound::new(
                "server.admin",
                &config.server.admin,
                Connections::new(admin, patience, on_admin, Room::unlimited()),
            )
            .await?,
            inside,
            drain_timeout: config.server.drain_timeout.0,
        })
    }

    /// What keeps [`bind`](Self::bind) from its work, as far as it can be found out without a trace.
    pub fn check(config: &Config, app: App) -> Result<(), ServerError> {
        #[cfg(feature = "notify")]
        if let Some(notifier) = app.notifier() {
            notifier.check()?;
        }
        Assembled::at_rest(config, app).map(drop)
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
        #[cfg(feature = "notify")]
        let deliveries = inside.notifier.as_ref().map(Deliveries::start);
        let Inside { readiness, workers, keys, push, tracing, monitor: _monitor, .. } = inside;
        let acceptors = tokio::runtime::Handle::current().metrics().num_workers();
        let (stop_service, stop_admin) = (CancellationToken::new(), CancellationToken::new());
        let serving = tokio::spawn(service.serve(acceptors, stop_service.clone()));
        let administering = admin.serve_apart(stop_admin.clone());
        let stop_push = CancellationToken::new();
        let pushing = push.map(|push| tokio::spawn(push.run(stop_push.clone())));
        let refreshing = keys.map(|keys| tokio::spawn(keys.run(stop_admin.clone())));
        let exports = tracing.map(Tracing::start);
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
        let [shortest, longest] = LAST_WORDS;
        let now = Instant::now();
        let last = now + deadline.saturating_duration_since(now).clamp(shortest, longest);
        let deliver = async {
            #[cfg(feature = "notify")]
            OptionFuture::from(deliveries.map(|deliveries| deliveries.end(last))).await;
        };
        tokio::join!(OptionFuture::from(exports.map(|exports| exports.end(last))), deliver);
        stop_push.cancel();
        if let Some(pushing) = pushing {
            // It has sent what the last requests have counted.
            _ = pushing.await;
        }
        stop_admin.cancel();
        if let Some(refreshing) = refreshing {
            _ = refreshing.await;
        }
        // An error is the end of its thread as well.
        _ = administering.await;
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
    async fn new(key: &'static str, listen: &Listen, connections: Connections) -> Result<Self, ServerError> {
        let (listener, address) = listener::bind(listen).await.map_err(|reason| ServerError::Bind {
            key,
            listen: listen.clone(),
            reason,
        })?;
        Ok(Self { listener, address, connections })
    }

    /// Accepts until `stop`, then cuts off what is open; all of it on a thread of its own, so that handlers that keep
    /// the other threads busy keep no probe waiting. The receiver is ready at the end.
    fn serve_apart(self, stop: CancellationToken) -> oneshot::Receiver<()> {
        let (ended, end) = oneshot::channel();
        let Self { listener, address, connections } = self;
        let work = move || -> io::Result<()> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let listener = listener.into_std()?;
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener)?;
                let connections = Self { listener, address, connections }.serve(1, stop).await;
                connections.cut.cancel();
                connections.open.close();
                connections.open.wait().await;
                Ok(())
            })
        };
        let work = move || {
            work().unwrap_or_else(|error| tracing::error!("the admin port cannot be served: {error}"));
            _ = ended.send(());
        };
        if let Err(error) = std::thread::Builder::new().name("admin".to_owned()).spawn(work) {
            tracing::error!("the admin port has no thread: {error}");
        }
        end
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

//! Everything of a server but its sockets.

use std::{collections::BTreeSet, sync::Arc};

use axum::{Router, middleware::from_fn_with_state};
use chassis_db::{Database, Monitor};
#[cfg(feature = "notify")]
use chassis_extras::notify::Notifier;
use chassis_http::{Entry, Envelope, Routes};
use chassis_telemetry::{
    metrics::Metrics,
    statsd::{Push, Workload},
    trace::Tracing,
};

use super::{
    ServerError, admin,
    budget::Budget,
    front::Front,
    limits::{self, Limits, Route},
    metrics::{Sockets, Traffic, WorkerGauges},
    scopes::Scopes,
    workers::{Size, Workers},
};
use crate::{
    app::App,
    auth::{self, Guard, Refresh},
    config::Config,
    docs,
    health::{self, Readiness},
    openapi::{self, Description},
};

/// What requests find behind both listeners, and what works beside them.
#[derive(Debug)]
pub(super) struct Assembled {
    pub service: Front,
    pub admin: Front,
    pub sockets: [Arc<Sockets>; 2],
    pub inside: Inside,
}

/// What is shared by both listeners.
#[derive(Debug)]
pub(super) struct Inside {
    pub readiness: Arc<Readiness>,
    pub workers: Arc<Workers>,
    pub keys: Option<Refresh>,
    pub push: Option<Push>,
    pub tracing: Option<Tracing>,
    #[cfg(feature = "notify")]
    pub notifier: Option<Notifier>,
    pub monitor: Option<Monitor>,
}

impl Assembled {
    /// Everything that `config` says of `app` but the sockets, at work.
    pub(super) async fn new(config: &Config, app: App) -> Result<Self, ServerError> {
        let (database, metrics) = (app.database.clone(), Arc::clone(&app.metrics));
        let mut assembled = Self::at_rest(config, app)?;
        let inside = &mut assembled.inside;
        #[cfg(feature = "notify")]
        if let Some(notifier) = &inside.notifier {
            notifier.open().await?;
        }
        inside.monitor = database.map(Monitor::start);
        if let Some(monitor) = &mut inside.monitor {
            // So that the first request finds what it needs; a database that is away keeps nobody from starting.
            monitor.asked(config.db.connect_timeout.0).await;
        }
        if config.metrics.push {
            let workload = Arc::clone(&inside.workers) as Arc<dyn Workload>;
            inside.push = Some(Push::open(&config.metrics, &metrics, workload).await);
        }
        Ok(assembled)
    }

    /// The same without what reaches beyond this process.
    pub(super) fn at_rest(config: &Config, app: App) -> Result<Self, ServerError> {
        let description = Arc::new(app.description(config));
        #[cfg(feature = "notify")]
        let notifier = app.notifier();
        let App { features, metrics, upstreams, database, .. } = app;
        let traffic = Arc::new(Traffic::register(metrics.registry())?);
        let sockets = Sockets::register(metrics.registry())?;
        let workers = Arc::new(Workers::new(Size::of(&config.server), Arc::clone(&traffic)));
        WorkerGauges::register(metrics.registry(), Arc::clone(&workers) as Arc<dyn Workload>)?;
        let readiness = Arc::new(Readiness::new(database.clone()));
        let (guard, keys) = auth::open(&config.auth, metrics.registry(), &upstreams, &readiness)?.unzip();
        let (service, scopes) =
            service_router(config, features, &description, &metrics, &workers, guard.as_ref(), database)?;
        let admin = admin::router(&readiness, &metrics, &workers);
        let tracing = Tracing::new(&config.tracing, &config.service, &metrics)?;
        let tracer = tracing.as_ref().map(|tracing| Arc::clone(&tracing.tracer));
        let service = Front::new(service, scopes, Arc::clone(&readiness), Some(traffic), &config.server)
            .always(config.cors.headers())
            .logged(config.logging.access)
            .traced(tracer);
        let admin = Front::new(admin, Scopes::default(), Arc::clone(&readiness), None, &config.server);
        Ok(Self {
            service,
            admin,
            sockets,
            inside: Inside {
                readiness,
                workers,
                keys,
                push: None,
                tracing,
                #[cfg(feature = "notify")]
                notifier,
                monitor: None,
            },
        })
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
        own = own.unqueued("/metrics", admin::scrape(metrics, config.metrics.application_only));
    }
    let own = [own, openapi::routes(description)].into_iter().chain(docs::routes(config));
    let mut built = Router::new();
    let mut taken = BTreeSet::new();
    // `GET /` is ours; a feature may have the other methods of it.
    let mut shared = features.iter().any(Routes::shares_root);
    let mut scopes = Scopes::default();
    let bodies = Arc::new(Budget::new(config.server.body_budget.0.max(config.server.max_body.0)));
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
                    bodies: Arc::clone(&bodies),
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

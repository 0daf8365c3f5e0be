//! Routes that never wait for a worker: all of the admin listener, and a few on the service port.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{RawQuery, Request},
    http::{HeaderMap, HeaderValue, header},
    middleware::{Next, from_fn},
    response::IntoResponse,
    routing::{MethodRouter, get},
};
use chassis_http::{
    Envelope,
    answer::{self, Dialect, ServiceError},
    context,
};
use chassis_telemetry::metrics::{Format, Metrics, select};

use super::workers::Workers;
use crate::health::{self, Readiness};

/// A cache has to know that there are two formats.
const ACCEPT: HeaderValue = HeaderValue::from_static("accept");

/// What a person reads at `/`.
const INDEX: &str = "\
    /livez     whether the process answers\n\
    /readyz    whether it should get requests, and if not, why\n\
    /startupz  whether it has started\n\
    /metrics   for Prometheus\n\
    /workers   the worker slots, and the requests in them and before them\n";

/// `/livez`, `/readyz`, `/startupz`, `/metrics` and `/workers`; `/` says so.
pub(super) fn router(readiness: &Arc<Readiness>, metrics: &Arc<Metrics>, workers: &Arc<Workers>) -> Router {
    let state = Arc::clone(workers);
    Router::new()
        .route("/", get(INDEX))
        .route("/livez", health::livez())
        .route("/readyz", health::readyz(Arc::clone(readiness)))
        .route("/startupz", health::startupz(Arc::clone(readiness)))
        .route("/metrics", scrape(metrics, false))
        .route("/workers", get(async move || Json(state.snapshot())))
}

/// What the names of metrics begin with that are not the application's.
const OURS: [&str; 2] = ["chassis_", "process_"];

/// `GET /metrics`, perhaps with the application's only.
pub(super) fn scrape(metrics: &Arc<Metrics>, application_only: bool) -> MethodRouter {
    let metrics = Arc::clone(metrics);
    get(async move |headers: HeaderMap, RawQuery(query): RawQuery| {
        let mut families = metrics.gather();
        families.retain(|family| {
            !application_only || !OURS.iter().any(|prefix| family.name().starts_with(prefix))
        });
        select(&mut families, query.as_deref().unwrap_or_default());
        let format = Format::wanted(&headers);
        match format.write(&families) {
            Ok(text) => {
                let kind = HeaderValue::from_static(format.content_type());
                ([(header::CONTENT_TYPE, kind), (header::VARY, ACCEPT)], text).into_response()
            }
            Err(error) => {
                tracing::error!("metrics cannot be rendered: {error}");
                ServiceError::Internal.into_response()
            }
        }
    })
}

/// A route of the service port that bypasses the queue; named for the metrics only.
pub(super) fn unqueued(path: &str, envelope: Envelope, methods: MethodRouter) -> MethodRouter {
    let path: Arc<str> = path.into();
    methods.route_layer(from_fn(move |request: Request, next: Next| {
        context::set_route(&path);
        answer::set_dialect(Dialect::of(envelope, request.headers()));
        async move { next.run(request).await }
    }))
}

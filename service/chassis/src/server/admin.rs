//! Routes that never wait for a worker: all of the admin listener, and a few on the service port.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::Request,
    http::{HeaderValue, header},
    middleware::{Next, from_fn},
    response::IntoResponse,
    routing::{MethodRouter, get},
};

use super::workers::Workers;
use crate::{
    context,
    envelope::{Dialect, Envelope},
    error::ServiceError,
    health::{self, Readiness},
    metrics::{CONTENT_TYPE, Metrics},
};

/// `/livez`, `/readyz`, `/startupz`, `/metrics` and `/workers`.
pub(super) fn router(readiness: &Arc<Readiness>, metrics: &Arc<Metrics>, workers: &Arc<Workers>) -> Router {
    let state = Arc::clone(workers);
    Router::new()
        .route("/livez", health::livez())
        .route("/readyz", health::readyz(Arc::clone(readiness)))
        .route("/startupz", health::startupz(Arc::clone(readiness)))
        .route("/metrics", scrape(metrics, workers))
        .route("/workers", get(async move || Json(state.snapshot())))
}

/// `GET /metrics`
pub(super) fn scrape(metrics: &Arc<Metrics>, workers: &Arc<Workers>) -> MethodRouter {
    let (metrics, workers) = (Arc::clone(metrics), Arc::clone(workers));
    get(async move || match metrics.render(workers.snapshot()) {
        Ok(text) => ([(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE))], text).into_response(),
        Err(error) => {
            tracing::error!("metrics cannot be rendered: {error}");
            ServiceError::Internal.into_response()
        }
    })
}

/// A route of the service port that bypasses the queue; named for the metrics only.
pub(super) fn unqueued(path: &str, envelope: Envelope, methods: MethodRouter) -> MethodRouter {
    let path: Arc<str> = path.into();
    methods.route_layer(from_fn(move |request: Request, next: Next| {
        context::set_route(&path);
        context::set_dialect(Dialect::of(envelope, request.headers()));
        async move { next.run(request).await }
    }))
}

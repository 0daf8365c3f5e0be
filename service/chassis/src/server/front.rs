//! What happens to every request of a listener, whatever its route.

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::MatchedPath,
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use hyper::{Request, body::Incoming};
use tower::Service;

use crate::{
    context::{self, OPERATION_ID, OperationId},
    error::ServiceError,
    health::Readiness,
    metrics::Metrics,
};

/// Routes of a listener with what surrounds them. Cheap to clone: one per connection.
#[derive(Clone)]
pub(super) struct Front {
    pub router: Router,
    pub readiness: Arc<Readiness>,
    /// `None` for the admin listener, whose probes would drown the requests.
    pub metrics: Option<Arc<Metrics>>,
}

impl Front {
    /// Adds the answers for what no route takes.
    pub(super) fn new(router: Router, readiness: Arc<Readiness>, metrics: Option<Arc<Metrics>>) -> Self {
        let router =
            router.fallback(async || ServiceError::NotFound).method_not_allowed_fallback(other_method);
        Self { router, readiness, metrics }
    }

    pub(super) async fn answer(&mut self, request: Request<Incoming>) -> Response {
        let operation_id = OperationId::random();
        context::scope(operation_id, async move {
            let started = Instant::now();
            let method = request.method().clone();
            let access = tracing::enabled!(tracing::Level::DEBUG).then(|| Access::of(&request));
            let routed: Result<Response, Infallible> = self.router.call(request).await;
            let mut response = routed.unwrap_or_else(|never| match never {});
            list_methods(&method, &mut response);
            response.headers_mut().insert(OPERATION_ID, operation_id.header());
            let took = started.elapsed();
            if let Some(metrics) = &self.metrics {
                let route = context::route();
                metrics.answered(&method, route.as_deref().unwrap_or_default(), response.status(), took);
            }
            if let Some(access) = access {
                access.log(&method, response.status(), took);
            }
            response
        })
        .await
    }
}

/// The access log is one line at debug level; its parts are copied only when it will be written.
struct Access {
    path: String,
    /// An id the client brought along; ours is never taken from it (contract 4.7).
    parent: Option<String>,
}

impl Access {
    fn of(request: &Request<Incoming>) -> Self {
        let parent = request.headers().get(OPERATION_ID).and_then(|value| value.to_str().ok());
        Self { path: request.uri().path().to_owned(), parent: parent.map(str::to_owned) }
    }

    fn log(self, method: &Method, status: StatusCode, took: Duration) {
        let Self { path, parent: parent_operation_id } = self;
        let millis = took.as_secs_f64() * 1000.0;
        tracing::debug!(%method, path, status = status.as_u16(), millis, parent_operation_id, "request");
    }
}

/// A known path, a method it has no handler for. OPTIONS is answered for every path (contract 1.1.10: `Allow` lists
/// it).
async fn other_method(method: Method, path: MatchedPath) -> Response {
    context::set_route(&path.as_str().into());
    if method == Method::OPTIONS {
        StatusCode::OK.into_response()
    } else {
        ServiceError::MethodNotAllowed.into_response()
    }
}

/// `POST` -> `POST, OPTIONS`: the router knows the handlers only.
fn list_methods(method: &Method, response: &mut Response) {
    if response.status() != StatusCode::METHOD_NOT_ALLOWED && method != Method::OPTIONS {
        return;
    }
    let Some(Ok(allow)) = response.headers().get(header::ALLOW).map(HeaderValue::to_str) else { return };
    let mut methods: Vec<&str> =
        allow.split(',').map(str::trim).filter(|method| !method.is_empty()).collect();
    if !methods.contains(&"OPTIONS") {
        methods.push("OPTIONS");
    }
    if let Ok(allow) = HeaderValue::from_str(&methods.join(", ")) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
}

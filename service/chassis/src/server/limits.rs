//! What a handler of a feature is protected from: slow and large requests, too many of them, its own slowness,
//! its own panics.

use std::{
    any::Any,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use chassis_http::{
    Envelope,
    answer::{self, Dialect, ServiceError},
    context,
};
use futures::FutureExt;
use http_body_util::BodyExt;
use tokio::time::timeout_at;

use super::{
    budget::{Budget, Share},
    workers::Workers,
};
use crate::{auth::Guard, config};

#[cfg(panic = "abort")]
compile_error!(
    "a handler that panics answers 500 instead of ending the process: build with panic = \"unwind\""
);

/// A route of a feature, with what its requests are subject to.
pub(super) struct Route {
    pub path: Arc<str>,
    pub envelope: Envelope,
    /// `None` where nobody is asked for a token.
    pub guard: Option<Arc<Guard>>,
    pub limits: Limits,
    pub workers: Arc<Workers>,
    pub bodies: Arc<Budget>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    timeout: Duration,
    read_timeout: Duration,
    max_body: usize,
}

impl Limits {
    pub(super) fn of(server: &config::Server) -> Self {
        Self { timeout: server.timeout.0, read_timeout: server.read_timeout.0, max_body: server.max_body.0 }
    }

    /// Refuses a body that says of itself that it is too large.
    fn announced(self, body: &Body) -> Result<(), ServiceError> {
        let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if announced > self.max_body { Err(self.too_large()) } else { Ok(()) }
    }

    fn too_large(self) -> ServiceError {
        ServiceError::BodyTooLarge { limit: self.max_body }
    }
}

/// Middleware around every handler of a feature.
pub(super) async fn work(State(route): State<Arc<Route>>, request: Request, next: Next) -> Response {
    context::set_route(&route.path);
    answer::set_dialect(Dialect::of(route.envelope, request.headers()));
    attempt(&route, request, next).await.unwrap_or_else(IntoResponse::into_response)
}

async fn attempt(route: &Route, request: Request, next: Next) -> Result<Response, ServiceError> {
    let (mut head, body) = request.into_parts();
    if let Some(guard) = &route.guard {
        guard.check(&mut head).await?;
    }
    route.limits.announced(&body)?;
    route.workers.expect_room()?;
    // The body first: a client that sends slowly must not hold a worker, and a handler sees whole requests only.
    let mut share = route.bodies.share();
    let received = receive(body, route.limits, &mut share).await;
    let body = received.inspect_err(|error| {
        if *error == ServiceError::BodyBudget {
            route.workers.rejected_body_budget();
        }
    })?;
    let timeout = route.limits.timeout;
    let slot = route.workers.slot(Instant::now() + timeout).await?;
    let handler = AssertUnwindSafe(next.run(Request::from_parts(head, Body::from(body)))).catch_unwind();
    // The handler is dropped, finished or not, before the slot is: no more are at work than there are slots.
    let outcome = tokio::time::timeout(timeout, handler).await;
    drop(slot);
    match outcome {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(panic)) => {
            tracing::error!("a handler panicked: {}", panic_text(panic.as_ref()));
            Err(ServiceError::Internal)
        }
        Err(_elapsed) => Err(ServiceError::Timeout),
    }
}

/// The whole body. Usually it came with the headers, in one piece that is handed on without a copy.
async fn receive(mut body: Body, limits: Limits, share: &mut Share<'_>) -> Result<Bytes, ServiceError> {
    let end = Instant::now() + limits.timeout;
    let mut first = Bytes::new();
    let mut rest = Vec::new();
    while !body.is_end_stream() {
        let patience = end.min(Instant::now() + limits.read_timeout);
        let frame = match timeout_at(patience.into(), body.frame()).await {
            Err(_elapsed) => return Err(ServiceError::SlowRequest),
            Ok(None) => break,
            Ok(Some(frame)) => frame.map_err(|_| ServiceError::BadBody)?,
        };
        // Anything else is trailers, which nobody asked for.
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + rest.len() + data.len() > limits.max_body {
            return Err(limits.too_large());
        }
        if first.is_empty() {
            first = data;
        } else {
            // The first piece is copied with the second.
            let more = if rest.is_empty() { first.len() + data.len() } else { data.len() };
            if !share.take(more) {
                return Err(ServiceError::BodyBudget);
            }
            rest.extend_from_slice(&data);
        }
    }
    if rest.is_empty() {
        return Ok(first);
    }
    rest.splice(0..0, first);
    Ok(rest.into())
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

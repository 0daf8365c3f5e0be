//! What happens to every request of a listener, whatever its route.

use std::{
    convert::Infallible,
    fmt,
    net::IpAddr,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::MatchedPath,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header},
    response::{IntoResponse, Response},
};
use chassis_http::{
    Envelope, Origin,
    answer::{self, Dialect, ServiceError, json_line},
    context::{self, OPERATION_ID, OperationId, Trust},
};
use chassis_telemetry::trace::{self, Tracer};
use futures::{FutureExt, future::BoxFuture};
use hyper::Request;
use serde_json::json;
use tokio::net::TcpStream;
use tower::Service;

use super::{metrics::Traffic, scopes::Scopes};
use crate::{
    config::{self, Networks},
    health::Readiness,
};

/// Routes of a listener with what surrounds them. Cheap to clone: one per connection.
#[derive(Clone)]
pub struct Front {
    router: Router,
    pub(super) readiness: Arc<Readiness>,
    /// `None` for the admin listener, whose probes would drown the requests.
    pub(super) traffic: Option<Arc<Traffic>>,
    /// `server.trusted_proxies`
    trusted: Arc<Networks>,
    /// What they are believed.
    trust: Trust,
    /// What the peer of this connection is believed.
    trusts_peer: Trust,
    /// Whether requests come from a connection, and not from a test.
    connected: bool,
    scopes: Arc<Scopes>,
    /// Headers of every answer.
    always: Arc<[(HeaderName, HeaderValue)]>,
    /// Whether the access log is one of everybody, at INFO; else at DEBUG (`logging.access`).
    logs_access: bool,
    /// `None` when nobody is to get spans.
    tracer: Option<Arc<Tracer>>,
    /// The other end of the connection.
    peer: Option<IpAddr>,
}

impl Front {
    /// Adds the answers for what no route takes.
    pub(super) fn new(
        router: Router,
        scopes: Scopes,
        readiness: Arc<Readiness>,
        traffic: Option<Arc<Traffic>>,
        server: &config::Server,
    ) -> Self {
        let scopes = Arc::new(scopes);
        let no_path = {
            let scopes = Arc::clone(&scopes);
            async move |method, uri, headers| other_path(&scopes, &method, &uri, &headers)
        };
        let no_method = {
            let scopes = Arc::clone(&scopes);
            async move |method, path, headers| other_method(&scopes, &method, &path, &headers)
        };
        let router = router.fallback(no_path).method_not_allowed_fallback(no_method);
        Self {
            router,
            readiness,
            traffic,
            trusted: Arc::new(server.trusted_proxies.clone()),
            trust: if server.trust_forwarded { Trust::Place } else { Trust::Scheme },
            trusts_peer: Trust::Nothing,
            connected: false,
            scopes,
            always: Arc::default(),
            logs_access: false,
            tracer: None,
            peer: None,
        }
    }

    /// With these headers in every answer.
    pub(super) fn always(self, headers: Vec<(HeaderName, HeaderValue)>) -> Self {
        Self { always: headers.into(), ..self }
    }

    /// With a line at INFO for each request.
    pub(super) fn logged(self, logs_access: bool) -> Self {
        Self { logs_access, ..self }
    }

    /// With a span for each request.
    pub(super) fn traced(self, tracer: Option<Arc<Tracer>>) -> Self {
        Self { tracer, ..self }
    }

    /// For one connection.
    pub(super) fn of(self, socket: &TcpStream) -> Self {
        let peer = socket.peer_addr().ok().map(|peer| peer.ip());
        let trusted = peer.is_some_and(|peer| self.trusted.contains(peer));
        let trusts_peer = if trusted { self.trust } else { Trust::Nothing };
        Self { trusts_peer, peer, connected: true, ..self }
    }

    pub(super) async fn answer(&mut self, request: Request<Body>) -> Response {
        let (operation_id, trusts_peer) = (OperationId::random(), self.trusts_peer);
        let work = async move {
            let started = Instant::now();
            let method = request.method().clone();
            let is_logged = self.logs_access || tracing::enabled!(tracing::Level::DEBUG);
            let access = is_logged.then(|| Access::of(&request));
            let mut response = self.respond(request).await;
            list_methods(&method, &mut response);
            response.headers_mut().insert(OPERATION_ID, operation_id.header());
            response.headers_mut().extend(self.always.iter().cloned());
            let took = started.elapsed();
            if let Some(traffic) = &self.traffic {
                let route = context::route();
                traffic.answered(&method, route.as_deref().unwrap_or_default(), response.status(), took);
            }
            if let Some(access) = access {
                access.log(self.logs_access, &method, response.status(), took);
            }
            response
        };
        context::scope(operation_id, trusts_peer, answer::scope(work)).await
    }

    async fn respond(&mut self, request: Request<Body>) -> Response {
        let Some(tracer) = &self.tracer else { return self.route(request).await };
        let (head, body) = request.into_parts();
        let answering = tracer.serve(&head, self.peer);
        let work = async {
            let response = self.route(Request::from_parts(head, body)).await;
            if let Some(error) = answer::refusal() {
                trace::refused(error.status(), &error);
            }
            response
        };
        let response = answering.run(work).await;
        answering.end(response.status(), context::route().as_deref());
        response
    }

    async fn route(&mut self, request: Request<Body>) -> Response {
        if self.connected && !has_one_host(&request) {
            let envelope = self.scopes.envelope(request.uri().path());
            answer::set_dialect(Dialect::of(envelope, request.headers()));
            return ServiceError::BadHost.into_response();
        }
        let routed: Result<Response, Infallible> = self.router.call(request).await;
        routed.unwrap_or_else(|never| match never {})
    }
}

/// For tests, which need no socket.
impl Service<Request<Body>> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut front = self.clone();
        async move { Ok(front.answer(request).await) }.boxed()
    }
}

impl fmt::Debug for Front {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Front").finish_non_exhaustive()
    }
}

/// A line of the access log; its parts are copied only when it will be written.
struct Access {
    path: String,
    /// An id the client brought along; ours is never taken from it (contract 4.7).
    parent: Option<String>,
}

impl Access {
    fn of(request: &Request<Body>) -> Self {
        let parent = request.headers().get(OPERATION_ID).and_then(|value| value.to_str().ok());
        Self { path: request.uri().path().to_owned(), parent: parent.map(str::to_owned) }
    }

    fn log(self, is_info: bool, method: &Method, status: StatusCode, took: Duration) {
        let Self { path, parent: parent_operation_id } = self;
        let millis = took.as_secs_f64() * 1000.0;
        let status = status.as_u16();
        if is_info {
            tracing::info!(%method, path, status, millis, parent_operation_id, "request");
        } else {
            tracing::debug!(%method, path, status, millis, parent_operation_id, "request");
        }
    }
}

/// What HTTP/1.1 demands (RFC 9112, 3.2): who believes the first of two, behind one that believes the last, can be led
/// astray.
fn has_one_host(request: &Request<Body>) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let first = hosts.next().is_some();
    hosts.next().is_none() && (first || request.version() < Version::HTTP_11)
}

/// A path that no route has.
fn other_path(scopes: &Scopes, method: &Method, uri: &Uri, headers: &HeaderMap) -> Response {
    let envelope = scopes.envelope(uri.path());
    answer::set_dialect(Dialect::of(envelope, headers));
    match envelope {
        // Of the server as a whole (RFC 9110, 9.3.7).
        _ if method == Method::OPTIONS && uri.path() == "*" => StatusCode::OK.into_response(),
        Envelope::Code if method == Method::OPTIONS => preflight(),
        Envelope::Code => {
            let url = Origin::of(headers).url(uri.path_and_query().map_or("/", |whole| whole.as_str()));
            ServiceError::UnknownUrl { url: url.into() }.into_response()
        }
        Envelope::Raw | Envelope::RawError | Envelope::Meta => ServiceError::NotFound.into_response(),
    }
}

/// A known path, a method it has no handler for. OPTIONS is answered for every known path (contract 1.1.10: `Allow`
/// lists it).
fn other_method(scopes: &Scopes, method: &Method, path: &MatchedPath, headers: &HeaderMap) -> Response {
    context::set_route(&path.as_str().into());
    let envelope = scopes.envelope(path.as_str());
    answer::set_dialect(Dialect::of(envelope, headers));
    match envelope {
        _ if method != Method::OPTIONS => ServiceError::MethodNotAllowed.into_response(),
        Envelope::Code => preflight(),
        Envelope::Raw | Envelope::RawError | Envelope::Meta => StatusCode::OK.into_response(),
    }
}

/// Contract 5.2.11, for any path of such a feature.
fn preflight() -> Response {
    json_line(StatusCode::OK, &json!({ "code": 0 }))
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

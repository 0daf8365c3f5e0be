//! One other service: its connections, limits and counts.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use chassis_config::BaseUrl;
use chassis_http::{
    context::{self, OPERATION_ID},
    error_chain::chain,
};
use chassis_telemetry::trace::{Kind, Span};
use chassis_wire::{Wire, wire};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use serde::Serialize;
use tokio::{
    sync::Semaphore,
    time::{sleep, timeout_at},
};

use super::{Answer, CallError, Cause, Transport, budget::Budget, config, metrics::UpstreamMetrics};

/// A longer `Retry-After` is not waited for: the caller is waiting as well.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Another service (contract 5.6.24). Cheap to clone; all clones share connections and limits.
///
/// # What is tried again
///
/// A request of a method that may be repeated (GET, HEAD, OPTIONS, PUT, DELETE, or [`Call::repeatable`]) when there was
/// no connection, when it broke, when a try took too long, and after 502, 503, 504 or 429; any other request only when
/// no connection was made, for then nothing was sent. Never after the call's time is over, nor when more than a fifth
/// of the calls are retries already: those would keep an overloaded service from its feet.
#[derive(Clone)]
pub struct Upstream(Arc<Shared>);

/// How requests leave.
enum Way {
    Wire(Wire),
    Other(Arc<dyn Transport>),
}

struct Shared {
    config: config::Upstream,
    base: BaseUrl,
    way: Way,
    places: Semaphore,
    budget: Budget,
    metrics: UpstreamMetrics,
}

impl Upstream {
    pub(super) fn new(config: &config::Upstream, metrics: UpstreamMetrics) -> Result<Self, CallError> {
        let over = |base: &Uri, places| {
            let wire = wire(base, config.connect_timeout.0, places);
            wire.map(Way::Wire).map_err(|error| CallError { upstream: config.name, cause: Cause::Tls(error) })
        };
        Self::over(config, metrics, over)
    }

    /// The same, but `transport` answers.
    pub(super) fn by(
        config: &config::Upstream,
        metrics: UpstreamMetrics,
        transport: Arc<dyn Transport>,
    ) -> Result<Self, CallError> {
        Self::over(config, metrics, |_, _| Ok(Way::Other(transport)))
    }

    fn over(
        config: &config::Upstream,
        metrics: UpstreamMetrics,
        way: impl FnOnce(&Uri, usize) -> Result<Way, CallError>,
    ) -> Result<Self, CallError> {
        let missing = || CallError { upstream: config.name, cause: Cause::NotConfigured };
        let base = config.url.clone().ok_or_else(missing)?;
        let places = usize::try_from(config.max_connections.get()).unwrap_or(usize::MAX);
        Ok(Self(Arc::new(Shared {
            way: way(base.uri(), places)?,
            places: Semaphore::new(places),
            budget: Budget::default(),
            config: config.clone(),
            base,
            metrics,
        })))
    }

    /// Begins a request; `path` is relative to `upstreams.<name>.url` and may have a query.
    pub fn request(&self, method: Method, path: impl Into<String>) -> Call {
        let repeatable =
            [Method::GET, Method::HEAD, Method::OPTIONS, Method::PUT, Method::DELETE].contains(&method);
        Call {
            upstream: self.clone(),
            method,
            path: path.into(),
            headers: HeaderMap::new(),
            body: Ok(Bytes::new()),
            repeatable,
            limit: self.0.config.timeout.0,
        }
    }

    /// `GET path`
    pub fn get(&self, path: impl Into<String>) -> Call {
        self.request(Method::GET, path)
    }

    /// `POST path` with `body` as JSON.
    pub fn post(&self, path: impl Into<String>, body: &impl Serialize) -> Call {
        self.request(Method::POST, path).json(body)
    }

    /// `PUT path` with `body` as JSON.
    pub fn put(&self, path: impl Into<String>, body: &impl Serialize) -> Call {
        self.request(Method::PUT, path).json(body)
    }

    /// `DELETE path`
    pub fn delete(&self, path: impl Into<String>) -> Call {
        self.request(Method::DELETE, path)
    }

    /// `HEAD path`
    pub fn head(&self, path: impl Into<String>) -> Call {
        self.request(Method::HEAD, path)
    }

    /// `OPTIONS path`
    pub fn options(&self, path: impl Into<String>) -> Call {
        self.request(Method::OPTIONS, path)
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} at {}", self.0.config.name, self.0.base.uri())
    }
}

/// A request that has not been sent.
#[derive(Debug)]
#[must_use = "a request is sent by `send`"]
pub struct Call {
    upstream: Upstream,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Result<Bytes, String>,
    repeatable: bool,
    limit: Duration,
}

impl Call {
    /// Sets a header. The trace's and `x-operation-id` are set by the chassis.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Sends `body` as JSON.
    pub fn json(mut self, body: &impl Serialize) -> Self {
        self.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.body = serde_json::to_vec(body).map(Bytes::from).map_err(|error| error.to_string());
        self
    }

    /// Sends these bytes.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Ok(body.into());
        self
    }

    /// Says that this request may arrive twice without harm, whatever its method.
    pub fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// Gives the whole of this call another time than `upstreams.<name>.timeout`.
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Sends it. Every status is an answer; redirects are not followed.
    pub async fn send(self) -> Result<Answer, CallError> {
        let shared = Arc::clone(&self.upstream.0);
        let began = Instant::now();
        let outcome = self.tried(&shared, began + self.limit).await;
        let label = match &outcome {
            Ok(answer) => answer.label(),
            Err(cause) => cause.label(),
        };
        shared.metrics.answered(&self.method, label, began.elapsed());
        outcome.map_err(|cause| CallError { upstream: shared.config.name, cause })
    }

    async fn tried(&self, shared: &Shared, deadline: Instant) -> Result<Answer, Cause> {
        let config = &shared.config;
        let body = self.body.clone().map_err(Cause::Body)?;
        let uri = shared.base.join(&self.path).ok_or_else(|| Cause::Path(self.path.clone()))?;
        shared.budget.call();
        let Ok(_place) = timeout_at(deadline.into(), shared.places.acquire()).await else {
            return Err(Cause::Saturated);
        };
        let _in_flight = shared.metrics.in_flight();
        let (mut delay, mut tries_left) = (config.retry_delay.0, config.tries.get());
        loop {
            tries_left -= 1;
            let mut request = Request::new(Full::new(body.clone()));
            *request.method_mut() = self.method.clone();
            *request.uri_mut() = uri.clone();
            *request.headers_mut() = self.headers.clone();
            let outcome = shared.exchange(request, deadline).await;
            let wait = self.wait_before_retry(&outcome, delay);
            let Some(wait) = wait.filter(|wait| tries_left > 0 && Instant::now() + *wait < deadline) else {
                return outcome;
            };
            if !shared.budget.retry() {
                return outcome;
            }
            shared.metrics.retried();
            sleep(wait).await;
            delay *= 2;
        }
    }

    /// `None` when the outcome stands.
    fn wait_before_retry(&self, outcome: &Result<Answer, Cause>, delay: Duration) -> Option<Duration> {
        // Callers that failed together come back one by one.
        let jittered = delay.mul_f64(fastrand::f64());
        match outcome {
            Ok(answer) if self.repeatable && is_passing(answer.status()) => match answer.retry_after() {
                Some(wait) => (wait <= LONGEST_WAIT).then(|| wait.max(jittered)),
                None => Some(jittered),
            },
            Err(Cause::Unreachable(_)) => Some(jittered),
            Err(Cause::Broken(_) | Cause::Timeout(_)) if self.repeatable => Some(jittered),
            Ok(_) | Err(_) => None,
        }
    }
}

fn is_passing(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS
    )
}

impl Shared {
    /// One try, with its span.
    async fn exchange(&self, mut request: Request<Full<Bytes>>, deadline: Instant) -> Result<Answer, Cause> {
        let method = request.method().clone();
        let mut span = Span::begin(Kind::Client, name_of(&method)).component("http-client");
        if span.is_recorded() {
            span.tag("http.method", &method);
            span.tag("http.url", self.base.uri());
            span.tag("http.path", request.uri().path());
        }
        span.inject(request.headers_mut());
        if let Some(id) = context::operation_id() {
            request.headers_mut().insert(OPERATION_ID, id.header());
        }
        let now = Instant::now();
        let limit = self.config.try_timeout.0.min(deadline.saturating_duration_since(now));
        let end = now + limit;
        let outcome = timeout_at(end.into(), self.whole(request)).await;
        let outcome = outcome.unwrap_or_else(|_| Err(Cause::Timeout(limit)));
        match &outcome {
            Ok(answer) => {
                span.tag("http.status_code", answer.status().as_u16());
                if answer.status().is_server_error() {
                    span.fail("ServerError", answer.status());
                }
            }
            Err(cause) => span.fail(cause.label(), cause),
        }
        outcome
    }

    async fn whole(&self, request: Request<Full<Bytes>>) -> Result<Answer, Cause> {
        let wire = match &self.way {
            Way::Wire(wire) => wire,
            Way::Other(transport) => {
                let (head, body) = transport.send(request).await?.into_parts();
                return Ok(Answer::new(self.config.name, head, body));
            }
        };
        let answer = wire.request(request).await.map_err(|error| {
            let unsent = error.is_connect();
            let reason = chain(&error);
            if unsent { Cause::Unreachable(reason) } else { Cause::Broken(reason) }
        })?;
        let (head, body) = answer.into_parts();
        let limit = self.config.max_body.0;
        let body = Limited::new(body, limit).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                Cause::TooLarge(limit)
            } else {
                Cause::Broken(chain(error.as_ref()))
            }
        })?;
        Ok(Answer::new(self.config.name, head, body.to_bytes()))
    }
}

/// Names of spans come from a small set.
fn name_of(method: &Method) -> &'static str {
    match *method {
        Method::GET => "get",
        Method::POST => "post",
        Method::PUT => "put",
        Method::DELETE => "delete",
        Method::HEAD => "head",
        Method::OPTIONS => "options",
        Method::PATCH => "patch",
        _ => "other",
    }
}

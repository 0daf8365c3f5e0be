//! Under the client: counts what the API server is asked, and notes the watches' signs of life.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use http::{Method, Request, Response};
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use kube::client::Body;
use tower::{BoxError, Service};

use super::metrics::Metrics;

/// Counts the requests that go through it. A request and the client's own retries of it are one.
#[derive(Clone)]
pub struct Counted<S> {
    inner: S,
    metrics: Arc<Metrics>,
}

impl<S> Counted<S> {
    /// Around a client's service.
    pub fn new(inner: S, metrics: Arc<Metrics>) -> Self {
        Self { inner, metrics }
    }
}

impl<S, B> Service<Request<Body>> for Counted<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Error: Into<BoxError> + Send + 'static,
    S::Future: Send + 'static,
    B: BodyExt<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<UnsyncBoxBody<Bytes, BoxError>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let metrics = self.metrics.clone();
        let path = request.uri().path().to_owned();
        let (verb, resource) = describe(request.method(), &path, request.uri().query().unwrap_or_default());
        metrics.pulses.asked(&path);
        let answer = self.inner.call(request);
        async move {
            let answer = answer.await.map_err(Into::into);
            let code =
                answer.as_ref().map_or_else(|_| "none".into(), |answer| answer.status().as_u16().to_string());
            metrics.asked(verb, &resource, &code);
            let answer = answer?;
            if !answer.status().is_success() || !matches!(verb, "list" | "watch") {
                return Ok(answer.map(|body| body.map_err(Into::into).boxed_unsync()));
            }
            metrics.pulses.heard(&path);
            // A watch goes on sending.
            let noted = move |frame| {
                metrics.pulses.heard(&path);
                frame
            };
            Ok(answer.map(|body| body.map_frame(noted).map_err(Into::into).boxed_unsync()))
        }
        .boxed()
    }
}

/// The verb as in RBAC, and the resource with its subresource: closed sets both, for we ask for few.
fn describe(method: &Method, path: &str, query: &str) -> (&'static str, String) {
    let mut segments = path.trim_matches('/').split('/');
    // /api/VERSION or /apis/GROUP/VERSION
    let skipped = if segments.next() == Some("api") { 1 } else { 2 };
    let mut rest: Vec<_> = segments.skip(skipped).collect();
    if rest.len() > 2 && rest.first() == Some(&"namespaces") {
        rest.drain(..2);
    }
    let resource = match rest.as_slice() {
        [] => "discovery".into(),
        [resource, _, subresource, ..] => format!("{resource}/{subresource}"),
        [resource, ..] => (*resource).to_owned(),
    };
    let verb = match *method {
        Method::GET if rest.len() == 1 && query.split('&').any(|part| part == "watch=true") => "watch",
        Method::GET if rest.len() == 1 => "list",
        Method::GET => "get",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "other",
    };
    (verb, resource)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("GET", "/api/v1/pods?labelSelector=a&watch=true", "watch", "pods")]
    #[case("GET", "/apis/apps/v1/deployments?limit=500", "list", "deployments")]
    #[case("GET", "/api/v1/namespaces/team/services/a", "get", "services")]
    #[case("GET", "/api/v1/namespaces?watch=true", "watch", "namespaces")]
    #[case(
        "PATCH",
        "/apis/microservice.dev/v1alpha1/namespaces/team/microservices/a/status",
        "patch",
        "microservices/status"
    )]
    #[case("POST", "/apis/events.k8s.io/v1/namespaces/team/events", "create", "events")]
    #[case("GET", "/apis/monitoring.coreos.com/v1", "get", "discovery")]
    fn a_request_is_described_by_few_words(
        #[case] method: &str,
        #[case] uri: &str,
        #[case] verb: &str,
        #[case] resource: &str,
    ) {
        let uri: http::Uri = uri.parse().unwrap();
        let described = describe(&method.parse().unwrap(), uri.path(), uri.query().unwrap_or_default());
        assert_eq!(described, (verb, resource.to_owned()));
    }

    /// A client of an API server that answers everything with this status.
    fn client(status: u16, metrics: &Arc<Metrics>) -> kube::Client {
        let server = tower::service_fn(move |_: Request<Body>| async move {
            let body = r#"{"apiVersion":"v1","kind":"List","metadata":{},"items":[],"status":"Failure","message":"","reason":""}"#;
            Ok::<_, BoxError>(
                Response::builder().status(status).body(Body::from(body.as_bytes().to_vec())).unwrap(),
            )
        });
        kube::Client::new(Counted::new(server, metrics.clone()), "default")
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_counted_and_an_answer_is_a_sign_of_life() {
        let metrics = Arc::new(Metrics::new().unwrap());
        let _watched = metrics.pulses.watch("/api/v1/pods", "Pod");
        let list = async |status| {
            let pods = kube::Api::<k8s_openapi::api::core::v1::Pod>::all(client(status, &metrics));
            let _ = pods.list_metadata(&kube::api::ListParams::default()).await;
        };
        let minute = std::time::Duration::from_mins(1);
        tokio::time::advance(minute).await;
        list(403).await;
        assert_eq!(metrics.pulses.ages()["Pod"], minute, "a refusal is none");
        list(200).await;
        assert_eq!(metrics.pulses.ages()["Pod"].as_secs(), 0);
        let text = metrics.text();
        for code in ["200", "403"] {
            let line = format!(
                r#"microservice_operator_api_requests_total{{code="{code}",resource="pods",verb="list"}} 1"#
            );
            assert!(text.contains(&line), "{text}");
        }
        assert!(text.contains(r#"microservice_operator_watch_age_seconds{kind="Pod"} 0"#), "{text}");
    }
}

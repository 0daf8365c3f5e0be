use std::task::{Context, Poll};

use futures::{FutureExt, future::BoxFuture};
use http::Request;
use kube::client::Body;
use tower::{BoxError, Service};

use super::Leadership;

/// Why a write was not sent, or not waited for any longer.
#[derive(Debug, thiserror::Error)]
#[error("this operator does not lead any more, nothing is written")]
pub struct NotLeading;

/// Under the client of the reconciles: whatever they still attempt, nothing but reads leaves a
/// process that does not lead. Retries are below, so that they end with the term too. What the API
/// server was already sent can't be called back; for that a lease lasts longer than a term.
#[derive(Clone, Debug)]
pub struct Fence<S> {
    inner: S,
    leadership: Leadership,
}

impl<S> Fence<S> {
    /// Around a client's service.
    pub fn new(inner: S, leadership: Leadership) -> Self {
        Self { inner, leadership }
    }
}

impl<S> Service<Request<Body>> for Fence<S>
where
    S: Service<Request<Body>>,
    S::Response: Send + 'static,
    S::Error: Into<BoxError> + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<S::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // GET is get, list and watch.
        if request.method().is_safe() {
            return self.inner.call(request).map(|result| result.map_err(Into::into)).boxed();
        }
        if !self.leadership.is_leading() {
            return async { Err(NotLeading.into()) }.boxed();
        }
        let mut leadership = self.leadership.clone();
        let answer = self.inner.call(request);
        async move {
            tokio::select! {
                biased;
                _ = leadership.lost() => Err(NotLeading.into()),
                answer = answer => answer.map_err(Into::into),
            }
        }
        .boxed()
    }
}

//! What may take the place of the network.

use std::fmt;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body_util::Full;

use super::Cause;

/// Answers in the place of other services. Timeouts, retries and metrics stay those of the client.
pub trait Transport: fmt::Debug + Send + Sync {
    /// The answer to `request`, or why there is none.
    fn send(&self, request: Request<Full<Bytes>>) -> BoxFuture<'_, Result<Response<Bytes>, Cause>>;
}

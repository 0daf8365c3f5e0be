//! A small HTTP client for the command line: plain `http://`, one request per call.

use std::{error::Error as StdError, time::Duration};

use axum::body::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::time::timeout;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Not a URL this version can ask.
    #[error(
        "{url:?} cannot be fetched; write a URL such as http://hello/microservice (no TLS in this version)"
    )]
    Url {
        /// What was given.
        url: String,
    },
    /// No connection, or one that broke.
    #[error("no answer from {url}")]
    Unreachable {
        /// What was asked.
        url: String,
        /// The reason.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The whole exchange took too long.
    #[error("no answer from {url} within {limit:?}")]
    Timeout {
        /// What was asked.
        url: String,
        /// The time it had.
        limit: Duration,
    },
}

/// An answer of any status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Status of the answer.
    pub status: StatusCode,
    /// The whole body.
    pub body: Bytes,
}

/// POSTs `data` as JSON to `url`, or GETs it without `data`; `limit` is for the whole exchange.
pub async fn fetch(url: &str, data: Option<String>, limit: Duration) -> Result<Fetched, FetchError> {
    let invalid = || FetchError::Url { url: url.to_owned() };
    let unreachable = |source| FetchError::Unreachable { url: url.to_owned(), source };
    let uri: http::Uri = url.parse().map_err(|_| invalid())?;
    if uri.scheme_str() != Some("http") || uri.host().is_none_or(str::is_empty) {
        return Err(invalid());
    }
    let method = if data.is_some() { Method::POST } else { Method::GET };
    let request = Request::builder().method(method).uri(uri).header(header::CONTENT_TYPE, "application/json");
    let request = request.body(Full::<Bytes>::from(data.unwrap_or_default())).map_err(|_| invalid())?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let exchange = async {
        let response = client.request(request).await.map_err(|error| unreachable(error.into()))?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|error| unreachable(error.into()))?;
        Ok(Fetched { status, body: body.to_bytes() })
    };
    timeout(limit, exchange).await.unwrap_or_else(|_| Err(FetchError::Timeout { url: url.to_owned(), limit }))
}

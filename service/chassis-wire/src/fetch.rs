//! One request to anywhere, for the command line.

use std::{error::Error as StdError, time::Duration};

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use tokio::time::timeout;

use super::{TlsError, wire};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Not a URL that can be asked.
    #[error(
        "{url:?} cannot be fetched; write a URL such as http://hello/microservice, without a user and a password"
    )]
    Url {
        /// What was given.
        url: String,
    },
    /// The URL is `https`, and TLS cannot be set up.
    #[error("{url} cannot be fetched")]
    Tls {
        /// What was given.
        url: String,
        /// The reason.
        #[source]
        source: TlsError,
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
    let authority = uri.authority().map_or("", http::uri::Authority::as_str);
    if !matches!(uri.scheme_str(), Some("http" | "https")) || authority.is_empty() || authority.contains('@')
    {
        return Err(invalid());
    }
    let client = wire(&uri, limit, 0).map_err(|source| FetchError::Tls { url: url.to_owned(), source })?;
    let method = if data.is_some() { Method::POST } else { Method::GET };
    let request = Request::builder().method(method).uri(uri).header(header::CONTENT_TYPE, "application/json");
    let request = request.body(Full::<Bytes>::from(data.unwrap_or_default())).map_err(|_| invalid())?;
    let exchange = async {
        let response = client.request(request).await.map_err(|error| unreachable(error.into()))?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|error| unreachable(error.into()))?;
        Ok(Fetched { status, body: body.to_bytes() })
    };
    timeout(limit, exchange).await.unwrap_or_else(|_| Err(FetchError::Timeout { url: url.to_owned(), limit }))
}

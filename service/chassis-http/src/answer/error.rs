//! The one error of a request, whoever refuses it.

use std::fmt;

use axum::http::{HeaderValue, StatusCode};

use super::Failure;

/// Why a request is not answered as the client wished. As an answer it is JSON in the dialect of its router.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// 404: no route has this path.
    #[error("Not Found")]
    NotFound,
    /// 404 as well, for routers whose dialect names the URL (contract 5.1.6).
    #[error("Requested URL {url} not found")]
    UnknownUrl {
        /// Absolute.
        url: Box<str>,
    },
    /// 405; the router adds `Allow`.
    #[error("The method is not allowed for the requested URL.")]
    MethodNotAllowed,
    /// 400: the body could not be read to its end.
    #[error("The request body is incomplete")]
    BadBody,
    /// 400: HTTP/1.1 demands exactly one.
    #[error("A request needs one Host header, and no second one")]
    BadHost,
    /// 408; closes the connection.
    #[error("The request was not received in time")]
    SlowRequest,
    /// 413; closes the connection.
    #[error("The request body is larger than {limit} bytes")]
    BodyTooLarge {
        /// `server.max_body`
        limit: usize,
    },
    /// 500; says nothing about the reason, which is in the log under the operation id.
    #[error("Internal Server Error")]
    Internal,
    /// 503 with `Retry-After`: the queue is full.
    #[error("All workers are busy and the queue is full")]
    QueueFull,
    /// 503 with `Retry-After`: no worker became free in time.
    #[error("No worker became free in time")]
    QueueDeadline,
    /// 503 with `Retry-After`: the bodies of requests take as much memory as they may; closes the connection.
    #[error("Too many large requests are being received")]
    BodyBudget,
    /// 503 with `Retry-After`: the database is away or busy.
    #[error("The database is not available")]
    NoDatabase,
    /// 504 (contract 1.9)
    #[error("Gateway Timeout")]
    Timeout,
    /// 401, 403 or 400 with `WWW-Authenticate`: the request has no token, or none that counts; 503 as long as no token
    /// can be checked.
    #[error("{0}")]
    Token(TokenRefusal),
    /// What a handler refuses, in its own words; `Retry-After` with 503.
    #[error("{}", .0.text())]
    Failed(Box<Failure>),
}

impl ServiceError {
    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound | Self::UnknownUrl { .. } => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BadBody | Self::BadHost => StatusCode::BAD_REQUEST,
            Self::SlowRequest => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::QueueFull | Self::QueueDeadline | Self::BodyBudget | Self::NoDatabase => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
            Self::Token(refusal) => refusal.status,
            Self::Failed(failure) => failure.status,
        }
    }
}

impl From<Failure> for ServiceError {
    fn from(failure: Failure) -> Self {
        Self::Failed(Box::new(failure))
    }
}

/// Why a request has no token that counts, in the words of whoever checks tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRefusal {
    /// 400, 401 or 403, and 503 as long as no token can be checked.
    pub status: StatusCode,
    /// The value of `WWW-Authenticate`; none when a token would not help.
    pub challenge: Option<HeaderValue>,
    /// The reason, without anything of the token.
    pub reason: String,
}

impl fmt::Display for TokenRefusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.reason)
    }
}

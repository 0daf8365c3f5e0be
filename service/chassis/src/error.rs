//! Answers of the chassis itself: `{"message": ...}`, one line (contract section 6).

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

/// How long a client should wait before it tries again; the queue moves within a second or not at all.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// Why a request got no answer from a handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// 404
    #[error("Not Found")]
    NotFound,
    /// 405; the router adds `Allow`.
    #[error("The method is not allowed for the requested URL.")]
    MethodNotAllowed,
    /// 400: the body could not be read to its end.
    #[error("The request body is incomplete")]
    BadBody,
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
    /// 504 (contract 1.9)
    #[error("Gateway Timeout")]
    Timeout,
}

impl ServiceError {
    /// The status of the answer.
    pub fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BadBody => StatusCode::BAD_REQUEST,
            Self::SlowRequest => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::QueueFull | Self::QueueDeadline => StatusCode::SERVICE_UNAVAILABLE,
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }
}

impl IntoResponse for ServiceError {
    fn into_response(self) -> Response {
        let mut response = message(self.status(), &self.to_string());
        let headers = response.headers_mut();
        match self {
            Self::QueueFull | Self::QueueDeadline => _ = headers.insert(header::RETRY_AFTER, RETRY_AFTER),
            // The rest of the request is still on its way and would be read as the next one.
            Self::SlowRequest | Self::BodyTooLarge { .. } | Self::BadBody => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response
    }
}

/// `{"message": text}`, the error dialect of routes without an envelope.
pub fn message(status: StatusCode, text: &str) -> Response {
    json_line(status, &json!({ "message": text }))
}

/// `value` as compact JSON with a line break at its end, as every JSON answer of the service has (contract 1.1.6).
pub fn json_line(status: StatusCode, value: &serde_json::Value) -> Response {
    let mut body = value.to_string();
    body.push('\n');
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

//! The one error of a request, whoever refuses it; how it is spelt is up to the router's
//! [`Envelope`](crate::Envelope) (contract section 6).
//!
//! A handler says what it refuses with a [`Failure`] and `?`:
//!
//! ```
//! use axum::http::StatusCode;
//! use chassis::{Data, error::{Failure, ServiceError}};
//!
//! async fn half(number: u32) -> Result<Data<u32>, ServiceError> {
//!     if number % 2 == 1 {
//!         return Err(Failure::new(StatusCode::BAD_REQUEST).message("an odd number has no half").into());
//!     }
//!     Ok(Data::new(number / 2))
//! }
//! ```

use std::borrow::Cow;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{auth::Refusal, context, envelope, trace};

/// How long a client should wait before it tries again; the queue moves within a second or not at all.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

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
    /// 401, 403 or 400 with `WWW-Authenticate`: the request has no token, or none that counts; 503 as long as no token
    /// can be checked.
    #[error("{0}")]
    Token(Refusal),
    /// What a handler refuses, in its own words.
    #[error("{}", .0.text())]
    Failed(Box<Failure>),
}

impl ServiceError {
    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound | Self::UnknownUrl { .. } => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BadBody => StatusCode::BAD_REQUEST,
            Self::SlowRequest => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::QueueFull | Self::QueueDeadline => StatusCode::SERVICE_UNAVAILABLE,
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
            Self::Token(refusal) => refusal.status(),
            Self::Failed(failure) => failure.status,
        }
    }
}

impl From<Failure> for ServiceError {
    fn from(failure: Failure) -> Self {
        Self::Failed(Box::new(failure))
    }
}

impl IntoResponse for ServiceError {
    /// In the dialect of the request that this task works on; `{"message": ...}` outside of one.
    fn into_response(self) -> Response {
        trace::refused(self.status(), &self);
        let mut response = envelope::render(context::dialect(), &self);
        let headers = response.headers_mut();
        match self {
            Self::QueueFull | Self::QueueDeadline => _ = headers.insert(header::RETRY_AFTER, RETRY_AFTER),
            Self::Token(refusal) => match refusal.challenge() {
                Some(challenge) => _ = headers.insert(header::WWW_AUTHENTICATE, challenge),
                None => _ = headers.insert(header::RETRY_AFTER, RETRY_AFTER),
            },
            // The rest of the request is still on its way and would be read as the next one.
            Self::SlowRequest | Self::BodyTooLarge { .. } | Self::BadBody => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response
    }
}

/// What a handler refuses or fails at: a status, and what the dialects show of it.
///
/// | part | Raw | RawError | Meta | Code |
/// |---|---|---|---|---|
/// | [message](Self::message) | `message` | `error` | `errors[0].message` | `message` |
/// | [faults](Self::fault) | joined, if there is no message | as Raw | `errors[]`, with `path` | as Raw |
/// | [code](Self::code) | | | | `code` |
/// | [detail](Self::detail) | | | | `error` |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub(crate) status: StatusCode,
    message: Option<Cow<'static, str>>,
    pub(crate) code: Code,
    pub(crate) detail: Option<Cow<'static, str>>,
    pub(crate) faults: Vec<Fault>,
}

impl Failure {
    /// A failure of this status. Its message is the status' own until [`message`](Self::message) or
    /// [`fault`](Self::fault) says something better, its code is 100001 (contract 5.1.5).
    pub const fn new(status: StatusCode) -> Self {
        Self { status, message: None, code: Code::UNSPECIFIC, detail: None, faults: Vec::new() }
    }

    /// Says what is wrong.
    #[must_use]
    pub fn message(self, message: impl Into<Cow<'static, str>>) -> Self {
        Self { message: Some(message.into()), ..self }
    }

    /// A code that programs can compare; 0 means success and is for no failure.
    #[must_use]
    pub fn code(self, code: impl Into<Code>) -> Self {
        Self { code: code.into(), ..self }
    }

    /// What a developer of a client should know besides the message. Never secrets or internals.
    #[must_use]
    pub fn detail(self, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// One of several things that are wrong, for example with one parameter each.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// The message, else the faults, else the words of the status.
    pub fn text(&self) -> Cow<'_, str> {
        match (&self.message, self.faults.as_slice()) {
            (Some(message), _) => Cow::Borrowed(message),
            (None, []) => Cow::Borrowed(words(self.status)),
            (None, [only]) => Cow::Borrowed(&only.message),
            (None, faults) => {
                faults.iter().map(|fault| fault.message.as_ref()).collect::<Vec<_>>().join("; ").into()
            }
        }
    }
}

/// The catalogue's messages (contract 5.1.5), its slips mended.
fn words(status: StatusCode) -> &'static str {
    match status.as_u16() {
        420 => "Enhance Your Calm",
        _ => status.canonical_reason().unwrap_or("Error"),
    }
}

/// The code of a failure: a number, or a text where a contract has one (contract 5.1.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Code {
    /// `100001`
    Number(u32),
    /// `"10500"`
    Text(Cow<'static, str>),
}

impl Code {
    /// Of every failure that has none of its own (contract 5.1.4).
    pub const UNSPECIFIC: Self = Self::Number(100_001);
}

impl From<u32> for Code {
    fn from(code: u32) -> Self {
        Self::Number(code)
    }
}

impl From<&'static str> for Code {
    fn from(code: &'static str) -> Self {
        Self::Text(Cow::Borrowed(code))
    }
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    message: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<Cow<'static, str>>,
}

impl Fault {
    /// What is wrong.
    pub fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self { message: message.into(), path: None }
    }

    /// Where in the request, for example `items.3.name`.
    #[must_use]
    pub fn at(self, path: impl Into<Cow<'static, str>>) -> Self {
        Self { path: Some(path.into()), ..self }
    }
}

/// `value` as compact JSON with a line break at its end, as every JSON answer of the service has (contract 1.1.6).
pub fn json_line(status: StatusCode, value: &serde_json::Value) -> Response {
    let mut body = value.to_string();
    body.push('\n');
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_the_best_it_knows() {
        let failure = || Failure::new(StatusCode::BAD_REQUEST);
        assert_eq!(failure().text(), "Bad Request");
        assert_eq!(failure().fault(Fault::new("a")).text(), "a");
        assert_eq!(failure().fault(Fault::new("a")).fault(Fault::new("b").at("x")).text(), "a; b");
        assert_eq!(failure().fault(Fault::new("a")).message("both").text(), "both");
    }

    /// contract 5.1.5
    #[test]
    fn the_catalogue_has_a_message_for_each_of_its_statuses() {
        for (status, message) in [
            (400, "Bad Request"),
            (401, "Unauthorized"),
            (403, "Forbidden"),
            (404, "Not Found"),
            (406, "Not Acceptable"),
            (410, "Gone"),
            (420, "Enhance Your Calm"),
            (422, "Unprocessable Entity"),
            (429, "Too Many Requests"),
            (500, "Internal Server Error"),
            (502, "Bad Gateway"),
            (503, "Service Unavailable"),
            (504, "Gateway Timeout"),
        ] {
            let failure = Failure::new(StatusCode::from_u16(status).unwrap());
            assert_eq!((failure.text().as_ref(), &failure.code), (message, &Code::Number(100_001)));
        }
    }
}

//! Why there is no answer of another service, or none that helps.

use std::time::Duration;

use chassis_wire::TlsError;
use http::StatusCode;

/// A call that failed.
#[derive(Debug, thiserror::Error)]
#[error("{upstream}: {cause}")]
pub struct CallError {
    /// The name of the upstream.
    pub upstream: &'static str,
    /// What happened.
    #[source]
    pub cause: Cause,
}

/// What happened to a call.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// There is no URL.
    #[error("it is not configured; write its URL in upstreams.<name>.url")]
    NotConfigured,
    /// The URL is `https`, and TLS cannot be set up.
    #[error("TLS is not available")]
    Tls(#[source] TlsError),
    /// Not a path.
    #[error("{0:?} is not a path such as /cities/1; encode what is not a letter or digit")]
    Path(String),
    /// The body cannot be written as JSON.
    #[error("the request's body cannot be written: {0}")]
    Body(String),
    /// All of `upstreams.<name>.max_connections` were in use for the whole time.
    #[error("no connection became free in time")]
    Saturated,
    /// No connection was made: nothing was sent.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// The connection broke before the answer was complete.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// The answer took longer than this.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The answer is larger than `upstreams.<name>.max_body`.
    #[error("its answer is larger than {0} bytes")]
    TooLarge(usize),
    /// Not the status that was wanted.
    #[error("it answered {0}")]
    Status(StatusCode),
    /// Not the JSON that was wanted.
    #[error("its answer is not understood: {0}")]
    Shape(String),
}

impl CallError {
    /// The status for the answer of a service that cannot do without this one (contract 5.12): 504 when it took too
    /// long, 500 when it was asked in a wrong way, else 502.
    pub fn status(&self) -> StatusCode {
        match self.cause {
            Cause::Timeout(_) | Cause::Saturated => StatusCode::GATEWAY_TIMEOUT,
            Cause::NotConfigured | Cause::Tls(_) | Cause::Path(_) | Cause::Body(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            Cause::Unreachable(_)
            | Cause::Broken(_)
            | Cause::TooLarge(_)
            | Cause::Status(_)
            | Cause::Shape(_) => StatusCode::BAD_GATEWAY,
        }
    }
}

impl Cause {
    /// One word, for metrics.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::NotConfigured | Self::Tls(_) | Self::Path(_) | Self::Body(_) => "unsendable",
            Self::Saturated => "saturated",
            Self::Unreachable(_) => "unreachable",
            Self::Broken(_) => "broken",
            Self::Timeout(_) => "timeout",
            Self::TooLarge(_) => "too_large",
            Self::Status(_) | Self::Shape(_) => "not_understood",
        }
    }
}

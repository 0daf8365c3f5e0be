//! Why there is no list. Spelt as `{"error": ...}` by the router (contract 3.1).

use axum::http::StatusCode;
use chassis::answer::{Failure, ServiceError};

/// The texts are the contract's to the letter, slips and double spaces included: clients compare them (3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum ListError {
    /// No `count`, or an empty one (contract 3.1.3).
    #[error("ERR_NO_ARG:  'count' argument required to /fibonacci/api")]
    Missing,
    /// Contract 3.1.4.
    #[error("ERR_INVALID_TYPE:  'count' parameter must be an integer")]
    NotAnInteger,
    /// Contract 3.1.5; zero is allowed (3.4).
    #[error("ERR_OUT_OF_BOUNDS:  'count' parameger must be a postitive integer")]
    Negative,
    /// Contract 3.4.
    #[error("ERR_OUT_OF_BOUNDS:  'count' must not exceed {0}")]
    TooMany(u32),
}

/// 403 where others have 400: it is the contract (3.4).
impl From<ListError> for ServiceError {
    fn from(error: ListError) -> Self {
        Failure::new(StatusCode::FORBIDDEN).message(error.to_string()).into()
    }
}

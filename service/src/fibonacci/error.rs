//! Why there is no list: `{"error": ...}` in the layout of the list.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::listing::{HEADERS, Layout};

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
    /// Contract 3.1.6, but for the reason, which is in the log and nobody else's business (3.5).
    #[error("Internal Server Error")]
    Failed,
}

impl ListError {
    /// 403 where others have 400: it is the contract (3.4).
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Missing | Self::NotAnInteger | Self::Negative | Self::TooMany(_) => StatusCode::FORBIDDEN,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub(super) fn answer(self, layout: Layout) -> Response {
        // None of the texts has a character that JSON escapes.
        let body = match layout {
            Layout::Pretty => format!("{{\n  \"error\": \"{self}\"\n}}\n"),
            Layout::Compact => format!("{{\"error\":\"{self}\"}}\n"),
        };
        (self.status(), HEADERS, body).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_error_is_json_in_both_layouts_and_tells_nothing_of_the_inside() {
        for (error, status) in [
            (ListError::Missing, 403),
            (ListError::NotAnInteger, 403),
            (ListError::Negative, 403),
            (ListError::TooMany(7), 403),
            (ListError::Failed, 500),
        ] {
            let expected = serde_json::json!({ "error": error.to_string() });
            let pretty = format!("{}\n", serde_json::to_string_pretty(&expected).unwrap());
            for (layout, body) in [(Layout::Pretty, pretty), (Layout::Compact, format!("{expected}\n"))] {
                let answer = error.answer(layout);
                assert_eq!(answer.status(), status);
                assert_eq!(axum::body::to_bytes(answer.into_body(), 1024).await.unwrap(), body);
            }
        }
        assert_eq!(ListError::Failed.to_string(), "Internal Server Error");
    }
}

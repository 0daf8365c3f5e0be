//! An error in the dialect of its router.

use std::borrow::Cow;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{
    Code, Dialect, Envelope, Fault, Layout, ServiceError, TokenRefusal,
    answering::{dialect, refuse},
    failure::words,
    layout::REQUESTED_WITH,
};
use crate::context::{self, OperationId};

/// How long a client should wait before it tries again; the queue moves within a second or not at all.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

const JSON: HeaderValue = HeaderValue::from_static("application/json");

#[derive(Serialize)]
struct Message<'a> {
    message: Cow<'a, str>,
}

#[derive(Serialize)]
struct Error<'a> {
    error: Cow<'a, str>,
}

#[derive(Serialize)]
struct Coded<'a> {
    message: Cow<'a, str>,
    code: &'a Code,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
struct Listed<'a> {
    meta: Meta,
    errors: &'a [Fault],
}

/// `meta` with nothing but the id.
#[derive(Serialize)]
struct Meta {
    operation_id: Option<OperationId>,
}

impl IntoResponse for ServiceError {
    /// In the dialect of the request that this task works on; `{"message": ...}` outside of one.
    fn into_response(self) -> Response {
        refuse(&self);
        let mut response = render(dialect(), &self);
        let headers = response.headers_mut();
        if self.status() == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        match self {
            Self::Token(TokenRefusal { challenge: Some(challenge), .. }) => {
                headers.insert(header::WWW_AUTHENTICATE, challenge);
            }
            // The rest of the request is still on its way and would be read as the next one.
            Self::SlowRequest | Self::BodyTooLarge { .. } | Self::BadBody => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response
    }
}

fn render(dialect: Dialect, error: &ServiceError) -> Response {
    let status = error.status();
    let text = || match error {
        ServiceError::Failed(failure) => failure.text(),
        error => error.to_string().into(),
    };
    match (dialect.envelope, error) {
        (Envelope::RawError, _) => {
            let mut response = json(status, dialect.layout, &Error { error: text() });
            // A cache has to know that there are two layouts.
            response.headers_mut().insert(header::VARY, REQUESTED_WITH.into());
            response
        }
        (Envelope::Meta, ServiceError::Failed(failure)) => {
            let meta = Meta { operation_id: context::operation_id() };
            let message = [Fault::new(failure.text().into_owned())];
            let errors = if failure.faults.is_empty() { &message } else { failure.faults.as_slice() };
            json(status, dialect.layout, &Listed { meta, errors })
        }
        // Without a code, as the document has these two (contract 5.1.6, 5.1.7).
        (Envelope::Code, ServiceError::SlowRequest) => {
            json(status, dialect.layout, &Message { message: "Request Timeout".into() })
        }
        (Envelope::Raw | Envelope::Meta, _) | (Envelope::Code, ServiceError::UnknownUrl { .. }) => {
            json(status, dialect.layout, &Message { message: text() })
        }
        (Envelope::Code, error) => {
            let (code, detail) = match error {
                ServiceError::Failed(failure) => (&failure.code, failure.detail.as_deref()),
                _ => (&Code::UNSPECIFIC, None),
            };
            // The document's two texts: the status', and ours. Who gives two has both in them.
            let (said, words) = (text(), words(status));
            let (message, error) = match detail {
                Some(detail) => (said, Some(detail.into())),
                None => (words.into(), (said != words).then_some(said)),
            };
            json(status, dialect.layout, &Coded { message, code, error })
        }
    }
}

/// JSON and a line break.
fn json(status: StatusCode, layout: Layout, body: &impl Serialize) -> Response {
    let written = match layout {
        Layout::Pretty => serde_json::to_string_pretty(body),
        Layout::Compact => serde_json::to_string(body),
    };
    // Texts only: there is nothing to fail at.
    let mut body = written.unwrap_or_default();
    body.push('\n');
    (status, [(header::CONTENT_TYPE, JSON)], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Failure;

    async fn rendered(envelope: Envelope, error: impl Into<ServiceError>) -> (u16, String) {
        let dialect = Dialect { envelope, layout: Layout::Compact };
        let response = render(dialect, &error.into());
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
        (status, String::from_utf8(body.into()).unwrap())
    }

    fn refused() -> Failure {
        Failure::new(StatusCode::BAD_REQUEST)
            .fault(Fault::new("too short").at("name"))
            .fault(Fault::new("too \"long\""))
    }

    #[tokio::test]
    async fn every_policy_spells_a_refusal_its_own_way() {
        for (envelope, body) in [
            (Envelope::Raw, r#"{"message":"too short; too \"long\""}"#),
            (Envelope::RawError, r#"{"error":"too short; too \"long\""}"#),
            (
                Envelope::Meta,
                r#"{"meta":{"operation_id":null},"errors":[{"message":"too short","path":"name"},{"message":"too \"long\""}]}"#,
            ),
            (Envelope::Code, r#"{"message":"Bad Request","code":100001,"error":"too short; too \"long\""}"#),
        ] {
            assert_eq!(rendered(envelope, refused()).await, (400, format!("{body}\n")), "{envelope:?}");
        }
    }

    /// contract 4.3.12
    #[tokio::test]
    async fn a_refusal_without_a_list_is_a_list_of_one_in_meta() {
        let failure = Failure::new(StatusCode::CONFLICT).message("taken");
        let body = "{\"meta\":{\"operation_id\":null},\"errors\":[{\"message\":\"taken\"}]}\n";
        assert_eq!(rendered(Envelope::Meta, failure).await, (409, body.to_owned()));
    }

    /// contract 5.1.4
    #[tokio::test]
    async fn a_code_may_be_a_text_and_have_a_detail() {
        let failure = Failure::new(StatusCode::INTERNAL_SERVER_ERROR)
            .message("msg")
            .code("10500")
            .detail("internal error");
        let body = "{\"message\":\"msg\",\"code\":\"10500\",\"error\":\"internal error\"}\n";
        assert_eq!(rendered(Envelope::Code, failure).await, (500, body.to_owned()));
    }

    #[tokio::test]
    async fn what_the_chassis_says_has_no_list_of_errors() {
        let internal = "{\"message\":\"Internal Server Error\"}\n";
        for (envelope, body) in [
            (Envelope::Raw, internal),
            (Envelope::RawError, "{\"error\":\"Internal Server Error\"}\n"),
            (Envelope::Meta, internal),
            (Envelope::Code, "{\"message\":\"Internal Server Error\",\"code\":100001}\n"),
        ] {
            assert_eq!(rendered(envelope, ServiceError::Internal).await, (500, body.to_owned()));
        }
    }

    /// contract 5.1.6, contract 5.1.7
    #[tokio::test]
    async fn two_errors_of_the_code_policy_have_no_code() {
        let url = "http://h/x".into();
        let body = "{\"message\":\"Requested URL http://h/x not found\"}\n".to_owned();
        assert_eq!(rendered(Envelope::Code, ServiceError::UnknownUrl { url }).await, (404, body));
        let body = "{\"message\":\"Request Timeout\"}\n".to_owned();
        assert_eq!(rendered(Envelope::Code, ServiceError::SlowRequest).await, (408, body));
    }
}

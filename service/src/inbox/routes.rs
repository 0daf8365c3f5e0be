//! The route of the feature.

use axum::{body::Bytes, extract::State, http::StatusCode};
use chassis::{
    App, Envelope, Routes,
    answer::{Failure, ServiceError},
    notify::{Notifier, NotifyError},
    openapi::schema::Message,
    trace,
};
use serde_json::Value;
use utoipa_axum::routes;

/// Adds `POST /`.
pub(crate) fn mount(app: App) -> App {
    let notifier = app.notifier();
    app.mount(Routes::new(Envelope::Raw).described(routes!(take), notifier))
}

/// Takes a message
///
/// It is sent on by e-mail and to Slack, with others, when notifications are on; else it is taken and that is all. A
/// JSON object with the member `message` says it there, any other text is the message itself. An empty body is no
/// message. What is answered with 204 is on disk.
#[utoipa::path(
    post,
    path = "/",
    operation_id = "inbox",
    tag = "inbox",
    request_body(
        content(
            (Option<serde_json::Value> = "application/json", example = json!({"message": "the disk is nearly full"})),
            (Option<String> = "text/plain", example = json!("the disk is nearly full")),
        ),
        description = "The message, at most 64 KiB",
    ),
    responses(
        (status = 204, description = "Taken"),
        (status = 400, description = "Not UTF-8", body = Message, example = json!({"message": "input should be text"})),
        (status = 413, description = "Too long", body = Message, example = json!({"message": "the message is longer than 65536 bytes"})),
        (status = 503, description = "Too many messages wait", body = Message, example = json!({"message": "too many messages wait to be sent"})),
    ),
)]
async fn take(State(notifier): State<Option<Notifier>>, body: Bytes) -> Result<StatusCode, ServiceError> {
    trace::name("inbox");
    let refuse = |status, message: String| Failure::new(status).message(message);
    let text = std::str::from_utf8(&body)
        .map_err(|_| refuse(StatusCode::BAD_REQUEST, "input should be text".to_owned()))?;
    let message = message_of(text);
    let Some(notifier) = notifier else {
        tracing::debug!("a message is taken, and notifications are off");
        return Ok(StatusCode::NO_CONTENT);
    };
    match notifier.send(&message).await {
        Ok(()) | Err(NotifyError::Empty) => Ok(StatusCode::NO_CONTENT),
        Err(error @ NotifyError::TooLong { .. }) => {
            Err(refuse(StatusCode::PAYLOAD_TOO_LARGE, error.to_string()).into())
        }
        Err(error @ NotifyError::Full { .. }) => {
            tracing::error!("a message is refused: {error}");
            Err(refuse(StatusCode::SERVICE_UNAVAILABLE, "too many messages wait to be sent".to_owned())
                .into())
        }
        Err(error) => {
            tracing::error!("a message is lost: {error}");
            Err(ServiceError::Internal)
        }
    }
}

/// The member `message` of an object, else the whole text.
fn message_of(text: &str) -> String {
    let member = |object: Value| Some(object.get("message")?.as_str()?.to_owned());
    serde_json::from_str(text).ok().and_then(member).unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_a_member_or_the_text_itself() {
        for (text, message) in [
            (r#"{"message": "hello", "more": 1}"#, "hello"),
            (r#"{"message": 1}"#, r#"{"message": 1}"#),
            ("[1]", "[1]"),
            ("hello", "hello"),
            ("", ""),
        ] {
            assert_eq!(message_of(text), message, "{text}");
        }
    }
}

//! The route of the feature.

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use chassis::{App, Envelope, Routes, answer::ServiceError, openapi::schema, trace};
use utoipa_axum::routes;

use super::{
    Config,
    metrics::Metrics,
    object::{Message, Outcome, Stopwatch},
    schema::Answer,
};

#[derive(Clone)]
struct Feature {
    config: Config,
    metrics: Metrics,
}

/// Adds `POST /microservice`.
pub(crate) fn mount(app: App, config: Config) -> Result<App, prometheus::Error> {
    let metrics = Metrics::register(app.metrics())?;
    let feature = Feature { config, metrics };
    Ok(app.mount(Routes::new(Envelope::Raw).described(routes!(handle), feature)))
}

/// Handles a message
///
/// Answers with the object it was sent, and when and how it was handled. Members of ours win over members of the same
/// name. The content type plays no role.
#[utoipa::path(
    post,
    path = "/microservice",
    operation_id = "microservice",
    tag = "message",
    request_body(
        content = std::collections::HashMap<String, serde_json::Value>,
        description = "Any JSON object",
        example = json!({"hello": "pymicro-flask"}),
    ),
    responses(
        (
            status = 200,
            description = "Handled; whether with success is in `pymicro.ret`",
            body = Answer,
            example = json!({
                "pymicro.s_time": "1582092922.614972",
                "pymicro.e_time": "1582092924.615472",
                "pymicro.ret": 0,
                "hello": "pymicro-flask",
            }),
        ),
        (
            status = 400,
            description = "Not a JSON object",
            body = schema::Message,
            examples(
                ("no JSON" = (summary = "not JSON, or null", value = json!({"message": "input should be JSON object"}))),
                ("no object" = (summary = "other JSON", value = json!({"message": "input should be single JSON object"}))),
            ),
        ),
    ),
)]
async fn handle(State(feature): State<Feature>, body: Bytes) -> Result<Response, ServiceError> {
    let Feature { config, metrics } = feature;
    trace::name("microservice");
    let stopwatch = Stopwatch::start();
    metrics.received();
    let message = Message::parse(&body)?;
    if !config.delay.0.is_zero() {
        tokio::time::sleep(config.delay.0).await;
    }
    let failed = fastrand::f64() < config.failure_rate.0;
    let outcome = if failed { Outcome::Failure } else { Outcome::Success };
    let answer = message.answer(stopwatch, outcome, config.time_format)?;
    metrics.returned(outcome);
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], answer).into_response())
}

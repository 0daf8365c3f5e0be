//! The route of the feature.

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::post,
};
use chassis::{App, Envelope, Routes, error::ServiceError};

use super::{
    Config,
    metrics::Metrics,
    object::{Message, Outcome, Stopwatch},
};

#[derive(Clone)]
struct Feature {
    config: Config,
    metrics: Metrics,
}

/// Adds `POST /microservice`.
pub(crate) fn mount(app: App, config: Config) -> Result<App, prometheus::Error> {
    let metrics = Metrics::register(app.registry())?;
    let feature = Feature { config, metrics };
    Ok(app.mount(Routes::new(Envelope::Raw).route("/microservice", post(handle).with_state(feature))))
}

async fn handle(State(feature): State<Feature>, body: Bytes) -> Result<Response, ServiceError> {
    let Feature { config, metrics } = feature;
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

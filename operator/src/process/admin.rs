//! The operator's own HTTP: probes and metrics.

use std::{future::Future, sync::Arc};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use tokio::net::TcpListener;

use super::{metrics::Metrics, readiness::Readiness};

/// Serves until `stop`.
pub async fn serve(
    listener: TcpListener,
    metrics: Arc<Metrics>,
    readiness: Readiness,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router(metrics, readiness)).with_graceful_shutdown(stop).await
}

fn router(metrics: Arc<Metrics>, readiness: Readiness) -> Router {
    Router::new()
        .route("/livez", get(alive).with_state(metrics.clone()))
        .route("/readyz", get(ready).with_state(readiness))
        .route("/metrics", get(show_metrics).with_state(metrics))
}

/// Not alive: only a new process helps. What the API server refuses or does not answer is no such thing.
async fn alive(State(metrics): State<Arc<Metrics>>) -> (StatusCode, String) {
    let stuck = metrics.pulses.stuck();
    if stuck.is_empty() {
        return (StatusCode::OK, "ok\n".into());
    }
    let stuck: Vec<_> = stuck
        .iter()
        .map(|(kind, silence)| {
            format!("the watch of {kind} neither asks nor hears anything for {} s", silence.as_secs())
        })
        .collect();
    (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", stuck.join(", ")))
}

async fn ready(State(readiness): State<Readiness>) -> (StatusCode, String) {
    let missing = readiness.missing();
    if missing.is_empty() {
        return (StatusCode::OK, "ok\n".into());
    }
    (StatusCode::SERVICE_UNAVAILABLE, format!("waiting for {}\n", missing.join(" and ")))
}

async fn show_metrics(State(metrics): State<Arc<Metrics>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], metrics.text())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use http_body_util::BodyExt;
    use tower::Service;

    async fn get(router: &mut Router, path: &str) -> (u16, String) {
        let request = axum::http::Request::get(path).body(Body::empty()).unwrap();
        let answer = router.call(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.into()).unwrap())
    }

    /// peers: stackabletech/trino-operator#936, controller-runtime#3428, kube-rs/kube#717
    #[tokio::test(start_paused = true)]
    async fn a_stuck_watch_makes_it_not_alive() {
        let metrics = Arc::new(Metrics::new().unwrap());
        let mut router = router(metrics.clone(), Readiness::default());
        let _watched = metrics.pulses.watch("/api/v1/pods", "Pod");
        assert_eq!(get(&mut router, "/livez").await, (200, "ok\n".into()));
        tokio::time::advance(std::time::Duration::from_mins(8)).await;
        let (status, words) = get(&mut router, "/livez").await;
        assert_eq!(status, 503);
        assert!(words.contains("the watch of Pod neither asks nor hears anything for 480 s"), "{words}");
    }
}

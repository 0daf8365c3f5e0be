//! Contract 4.1 (`/status`) and the probes of the admin port.

#![cfg(test)]

mod support;

use serde_json::json;
use support::{http::get, running::Running};

/// contract 4.1.1, contract 4.1.5
#[tokio::test]
async fn status_names_the_service_without_an_envelope() {
    let running = Running::bundled(&[("CHASSIS_PROFILE", "message")]).await;
    let answer = get(running.service, "/status").await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "name": "Microservice", "version": "N/A" })));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(get(running.service, "/status/").await.status, 404);
}

/// contract 4.1.2, contract 4.1.3
#[tokio::test]
async fn name_version_and_path_can_be_given() {
    let running = Running::bundled(&[
        ("CHASSIS_PROFILE", "message"),
        ("CST_PROJECT_NAME", "my-first-cst-app"),
        ("CST_PROJECT_VERSION", "1.2.3"),
        ("CST_HEALTH_CHECK_ENDPOINT", "my-custom-status"),
    ])
    .await;
    let answer = get(running.service, "/my-custom-status").await;
    assert_eq!(answer.json(), json!({ "name": "my-first-cst-app", "version": "1.2.3" }));
    assert_eq!(get(running.service, "/status").await.status, 404);
}

#[tokio::test]
async fn a_path_of_a_feature_is_refused_as_health_path() {
    let sources = chassis::config::Sources::default().with_env([
        ("CHASSIS_SERVER__LISTEN", "http://127.0.0.1:0"),
        ("CHASSIS_SERVER__ADMIN", "http://127.0.0.1:0"),
        ("CHASSIS_HEALTH__PATH", "/microservice"),
    ]);
    let config = service::Config::load(&sources).unwrap().config;
    let app = config.profile.mount(chassis::App::new().unwrap(), &config).unwrap();
    let error = chassis::Server::bind(&config.chassis, app).await.unwrap_err().to_string();
    assert_eq!(error, "the path /microservice is used twice; set health.path to a path of its own");
}

/// contract 0b.14
#[tokio::test]
async fn probes_and_workers_are_on_the_admin_port_only() {
    let running = Running::bundled(&[]).await;
    for path in ["/livez", "/readyz", "/startupz", "/workers"] {
        assert_eq!(get(running.admin, path).await.status, 200, "{path}");
        assert_eq!(get(running.service, path).await.status, 404, "{path}");
    }
    assert_eq!(get(running.admin, "/readyz").await.json(), json!({ "ready": true, "reasons": [] }));
    assert_eq!(
        get(running.admin, "/workers").await.json(),
        json!({ "workers": 4, "requestsPerWorker": 1, "busy": 0, "queued": 0, "queueLimit": 40 })
    );
}

/// contract 4.3.10
#[tokio::test]
async fn every_answer_has_an_operation_id_of_its_own() {
    let running = Running::bundled(&[]).await;
    let mut seen = std::collections::BTreeSet::new();
    for path in ["/status", "/status", "/nothing", "/microservice", "/metrics"] {
        let answer = get(running.service, path).await;
        let id = answer.header("x-operation-id").unwrap().to_owned();
        assert_eq!((id.len(), id.as_bytes()[14]), (36, b'4'), "{id} is a UUID 4");
        assert!(seen.insert(id), "{path}");
    }
}

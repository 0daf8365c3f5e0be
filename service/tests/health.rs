//! Contract 4.1 (`/status`) and the probes of the admin port.

#![cfg(test)]

mod support;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{Arc, Mutex, mpsc},
};

use axum::routing::post as on_post;
use chassis::App;
use serde_json::json;
use support::{
    LONG,
    http::{get, request},
    running::Running,
};

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

/// A request by a thread that needs no runtime.
fn blocking(address: SocketAddr, method: &str, path: &str) -> TcpStream {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(LONG)).unwrap();
    socket.write_all(request(method, path, "").as_bytes()).unwrap();
    socket
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn probes_are_answered_while_handlers_keep_every_thread() {
    let (entered, enters) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Arc::new(Mutex::new(released));
    let hog = on_post(async move || {
        entered.send(()).unwrap();
        // Blocks the only thread of the runtime, as a long computation would.
        _ = released.lock().unwrap().recv();
    });
    let running = Running::with(&[], App::new().unwrap().route("/hog", hog)).await;
    let _working = blocking(running.service, "POST", "/hog");
    enters.recv_timeout(LONG).unwrap();
    for path in ["/livez", "/readyz", "/metrics", "/workers"] {
        let mut status = [0; 12];
        blocking(running.admin, "GET", path).read_exact(&mut status).unwrap();
        assert_eq!(std::str::from_utf8(&status).unwrap(), "HTTP/1.1 200", "{path}");
    }
    release.send(()).unwrap();
}

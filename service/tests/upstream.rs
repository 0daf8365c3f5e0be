//! Contract 5.6 and 5.12: requests to other services.

#![cfg(test)]

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use axum::{
    Json,
    extract::{Path, Request},
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::{get as on_get, post as on_post},
};
use chassis::{
    App,
    client::{Cause, Upstream},
    config::{self, Reader, Sources, load},
    upstream_keys,
    wire::{FetchError, fetch},
};
use serde_json::{Value, json};
use support::{
    LONG,
    collector::Collector,
    gate::Gate,
    http::{get, get_with},
    process::{command, run, stderr, stdout},
    running::Running,
    soon,
    tls::TlsServer,
    until,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// The upstream `regions` at `url`, as an app of its own would have it.
fn upstream_in(app: &App, url: &str, more: &[(&str, &str)]) -> Upstream {
    let read = |reader: &mut Reader| config::Upstream::read(reader, upstream_keys!("regions"));
    let own = [("CHASSIS_UPSTREAMS__REGIONS__URL", url), ("CHASSIS_UPSTREAMS__REGIONS__RETRY_DELAY", "1ms")];
    let sources = Sources::default().with_env(own).with_env(more.iter().copied());
    app.upstream(&load(&sources, read).unwrap().config).unwrap()
}

fn upstream(url: &str, more: &[(&str, &str)]) -> Upstream {
    upstream_in(&App::new().unwrap(), url, more)
}

fn url_of(running: &Running) -> String {
    format!("http://{}", running.service)
}

/// Answers by hand, one script line per request, and counts connections and requests. `""` closes without an answer,
/// `"hang"` never answers.
struct Scripted {
    url: String,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

impl Scripted {
    async fn start(script: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (connections, requests) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (accepted, asked) = (Arc::clone(&connections), Arc::clone(&requests));
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                accepted.fetch_add(1, SeqCst);
                let asked = Arc::clone(&asked);
                tokio::spawn(async move {
                    let mut buffer = [0; 4096];
                    while socket.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                        let line = script[asked.fetch_add(1, SeqCst).min(script.len() - 1)];
                        match line {
                            "" => return,
                            "hang" => std::future::pending().await,
                            line => {
                                let (status, body) = line.split_once(' ').unwrap_or((line, ""));
                                let answer = format!(
                                    "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}",
                                    body.len()
                                );
                                socket.write_all(answer.as_bytes()).await.unwrap();
                            }
                        }
                    }
                });
            }
        });
        Self { url, connections, requests }
    }

    fn requests(&self) -> usize {
        self.requests.load(SeqCst)
    }
}

#[tokio::test]
async fn contract_5_6_24_one_connection_is_kept_for_one_call_after_the_other() {
    let regions = Scripted::start(&["200 1"]).await;
    let client = upstream(&regions.url, &[]);
    for _ in 0..20 {
        assert_eq!(client.get("/cities/1").send().await.unwrap().status(), 200);
    }
    assert_eq!((regions.requests(), regions.connections.load(SeqCst)), (20, 1));
}

#[tokio::test]
async fn contract_5_6_24_every_verb_arrives_below_the_base_url() {
    let echo = async |Path(rest): Path<String>, request: Request| {
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(body, 1000).await.unwrap();
        let kind = head.headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        Json(json!([head.method.as_str(), rest, String::from_utf8_lossy(&body), kind]))
    };
    let echo = on_get(echo).post(echo).put(echo).delete(echo);
    let running = Running::with(&[], App::new().unwrap().route("/api/{*rest}", echo)).await;
    let client = upstream(&format!("{}/api/", url_of(&running)), &[]);
    let body = json!({ "name": "Oslo" });
    let json_kind = "application/json";
    for (call, expected) in [
        (client.get("/cities/1"), json!(["GET", "cities/1", "", ""])),
        (client.post("cities", &body), json!(["POST", "cities", body.to_string(), json_kind])),
        (client.put("/cities/1", &body), json!(["PUT", "cities/1", body.to_string(), json_kind])),
        (client.delete("/cities/1"), json!(["DELETE", "cities/1", "", ""])),
    ] {
        assert_eq!(call.send().await.unwrap().json::<Value>().unwrap(), expected);
    }
    assert_eq!(client.head("/x").send().await.unwrap().body().len(), 0);
    assert_eq!(client.options("/x").send().await.unwrap().status(), 200);
    let error = client.get("/a b").send().await.unwrap_err();
    assert!(error.to_string().starts_with("regions: \"/a b\" is not a path such as /cities/1"), "{error}");
}

#[tokio::test]
async fn two_services_are_asked_at_the_same_time() {
    let slow = on_get(async || {
        tokio::time::sleep(Duration::from_millis(200)).await;
        "1"
    });
    let running = Running::with(&[], App::new().unwrap().route("/slow", slow)).await;
    let client = upstream(&url_of(&running), &[]);
    let began = Instant::now();
    let (first, second) = futures::join!(client.get("/slow").send(), client.get("/slow").send());
    assert!(first.unwrap().status().is_success() && second.unwrap().status().is_success());
    let took = began.elapsed();
    assert!(took < Duration::from_millis(350), "{took:?}");
}

/// contract 5.6.24, contract 5.7.28
#[tokio::test]
async fn the_trace_and_the_operation_id_go_along() {
    let collector = Collector::start("/api/v2/spans").await;
    let zipkin = collector.url("/api/v2/spans");
    let traced = |name| {
        [
            ("ZIPKIN_SERVER", zipkin.as_str()),
            ("CHASSIS_TRACING__INTERVAL", "10ms"),
            ("CST_PROJECT_NAME", name),
        ]
    };
    let city = on_get(async |headers: HeaderMap| {
        let names: Vec<_> = headers.keys().map(ToString::to_string).collect();
        Json(json!({ "names": names, "operation": headers["x-operation-id"].to_str().unwrap() }))
    });
    let regions =
        Running::with(&traced("region-service"), App::new().unwrap().route("/cities/{id}", city)).await;
    let app = App::new().unwrap();
    let client = upstream_in(&app, &url_of(&regions), &[]);
    let user = on_get(async move || client.get("/cities/1?a=b").send().await.unwrap().body().clone());
    let users = Running::with(&traced("user-service"), app.route("/users/{id}", user)).await;

    let answer = get_with(users.service, "/users/7", &[("ot-baggage-tenant", "blue")]).await;
    let seen = answer.json();
    assert_eq!(seen["operation"], answer.header("x-operation-id").unwrap());
    for name in
        ["traceparent", "b3", "x-b3-traceid", "ot-tracer-traceid", "ot-tracer-sampled", "ot-baggage-tenant"]
    {
        assert!(seen["names"].as_array().unwrap().contains(&json!(name)), "{name} is not in {seen}");
    }
    until(3, async || collector.spans().len()).await;
    let spans = collector.spans();
    let of = |kind: &str, service: &str| {
        let wanted = |span: &&Value| span["kind"] == kind && span["localEndpoint"]["serviceName"] == service;
        spans.iter().find(wanted).unwrap_or_else(|| panic!("no {kind} of {service} in {spans:#?}"))
    };
    let server = of("SERVER", "user-service");
    let client = of("CLIENT", "user-service");
    let other = of("SERVER", "region-service");
    assert_eq!((&client["parentId"], &other["parentId"]), (&server["id"], &client["id"]));
    assert!(spans.iter().all(|span| span["traceId"] == server["traceId"]));
    assert_eq!(client["name"], "get");
    assert_eq!(
        client["tags"],
        json!({
            "component": "http-client",
            "http.method": "GET",
            "http.url": format!("http://{}/", regions.service),
            "http.path": "/cities/1",
            "http.status_code": "200",
        })
    );
    assert!(client["duration"].as_u64() >= other["duration"].as_u64(), "it ends with the answer");
}

#[tokio::test]
async fn what_may_be_repeated_is_tried_again() {
    for script in
        [&["503", "502", "200 1"][..], &["", "", "200 1"], &["429", "504", "200 1"], &["hang", "200 1"]]
    {
        let regions = Scripted::start(Box::leak(script.to_vec().into())).await;
        let client = upstream(&regions.url, &[("CHASSIS_UPSTREAMS__REGIONS__TRY_TIMEOUT", "200ms")]);
        assert_eq!(client.get("/").send().await.unwrap().status(), 200, "{script:?}");
        assert_eq!(regions.requests(), script.len(), "{script:?}");
    }
    let regions = Scripted::start(&["503"]).await;
    assert_eq!(upstream(&regions.url, &[]).get("/").send().await.unwrap().status(), 503, "the last answer");
    assert_eq!(regions.requests(), 3);
    let regions = Scripted::start(&["500"]).await;
    assert_eq!(upstream(&regions.url, &[]).get("/").send().await.unwrap().status(), 500);
    assert_eq!(regions.requests(), 1, "a failure of the handler is no failure of the way to it");
}

#[tokio::test]
async fn what_must_not_arrive_twice_is_sent_once() {
    for (script, cause) in
        [(&["503"][..], None), (&[""], Some("the connection broke")), (&["hang"], Some("within 200ms"))]
    {
        let regions = Scripted::start(Box::leak(script.to_vec().into())).await;
        let client = upstream(&regions.url, &[("CHASSIS_UPSTREAMS__REGIONS__TRY_TIMEOUT", "200ms")]);
        let outcome = client.post("/cities", &json!({})).send().await;
        match cause {
            None => assert_eq!(outcome.unwrap().status(), 503),
            Some(cause) => assert!(outcome.unwrap_err().to_string().contains(cause)),
        }
        assert_eq!(regions.requests(), 1, "{script:?}");
    }
    let regions = Scripted::start(&["503", "200 1"]).await;
    let call = upstream(&regions.url, &[]).post("/cities", &json!({})).repeatable();
    assert_eq!(call.send().await.unwrap().status(), 200, "unless the caller says that it may");
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent_and_everything_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let app = App::new().unwrap();
    let client = upstream_in(&app, &url, &[]);
    let error = client.post("/cities", &json!({})).send().await.unwrap_err();
    assert!(matches!(error.cause, Cause::Unreachable(_)), "{error}");
    assert_eq!(error.status(), StatusCode::BAD_GATEWAY);
    let running = Running::with(&[], app).await;
    let page = get(running.admin, "/metrics").await.body;
    for line in [
        "chassis_upstream_calls_total{method=\"POST\",outcome=\"unreachable\",upstream=\"regions\"} 1",
        "chassis_upstream_retries_total{upstream=\"regions\"} 2",
        "chassis_upstream_calls_in_flight{upstream=\"regions\"} 0",
        "chassis_upstream_call_duration_seconds_count{upstream=\"regions\"} 1",
    ] {
        assert!(page.lines().any(|present| present == line), "{line} is not in\n{page}");
    }
}

#[tokio::test]
async fn a_slow_service_is_a_504_and_a_broken_one_a_502() {
    let slow = Scripted::start(&["hang"]).await;
    let env = [
        ("CHASSIS_UPSTREAMS__REGIONS__TIMEOUT", "300ms"),
        ("CHASSIS_UPSTREAMS__REGIONS__TRY_TIMEOUT", "100ms"),
    ];
    let began = Instant::now();
    let error = upstream(&slow.url, &env).get("/").send().await.unwrap_err();
    assert_eq!(error.status(), StatusCode::GATEWAY_TIMEOUT, "{error}");
    assert!(began.elapsed() < Duration::from_secs(2) && slow.requests() >= 2, "{:?}", began.elapsed());
    let broken = Scripted::start(&[""]).await;
    let error = upstream(&broken.url, &[]).get("/").send().await.unwrap_err();
    assert_eq!(error.status(), StatusCode::BAD_GATEWAY, "{error}");
    let nonsense = Scripted::start(&["200 hello"]).await;
    let answer = upstream(&nonsense.url, &[]).get("/").send().await.unwrap();
    assert_eq!(answer.found::<Value>().unwrap_err().status(), StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn requests_on_their_way_are_bounded_and_so_is_the_wait() {
    let gate = Gate::closed();
    let running =
        Running::with(&[("WEB_CONCURRENCY", "8")], App::new().unwrap().route("/gate", gate.route())).await;
    let client = upstream(&url_of(&running), &[("CHASSIS_UPSTREAMS__REGIONS__MAX_CONNECTIONS", "2")]);
    let call = || client.request(axum::http::Method::POST, "/gate").body("x");
    let first = [tokio::spawn(call().send()), tokio::spawn(call().send())];
    until(2, async || gate.inside()).await;
    let error = call().within(Duration::from_millis(100)).send().await.unwrap_err();
    assert!(matches!(error.cause, Cause::Saturated), "{error}");
    assert_eq!(error.status(), StatusCode::GATEWAY_TIMEOUT);
    let waiting = tokio::spawn(call().send());
    gate.let_out(3);
    for call in first.into_iter().chain([waiting]) {
        assert_eq!(call.await.unwrap().unwrap().status(), 200);
    }
    assert_eq!(gate.take_most(), 2);
}

#[tokio::test]
async fn a_larger_answer_than_allowed_is_not_taken_in() {
    let large = on_post(async || "x".repeat(2000).into_response());
    let running = Running::with(&[], App::new().unwrap().route("/large", large)).await;
    let client = upstream(&url_of(&running), &[("CHASSIS_UPSTREAMS__REGIONS__MAX_BODY", "1Ki")]);
    let error = client.post("/large", &json!({})).send().await.unwrap_err();
    assert_eq!(error.to_string(), "regions: its answer is larger than 1024 bytes");
}

#[tokio::test]
async fn an_upstream_without_a_url_says_where_to_write_it() {
    let read = |reader: &mut Reader| config::Upstream::read(reader, upstream_keys!("regions"));
    let config = load(&Sources::default(), read).unwrap().config;
    let error = App::new().unwrap().upstream(&config).unwrap_err().to_string();
    assert_eq!(error, "regions: it is not configured; write its URL in upstreams.<name>.url");
}

#[tokio::test]
async fn https_is_spoken_with_those_whom_an_authority_of_the_system_vouches_for() {
    let directory = tempfile::tempdir().unwrap();
    let server = TlsServer::start("localhost").await;
    let (url, certificate) = (server.url("localhost"), server.certificate());
    let nowhere = directory.path().join("nowhere");
    let asked = async |authorities: &std::path::Path| {
        let mut command = command();
        command.env("SSL_CERT_FILE", authorities).env("SSL_CERT_DIR", &nowhere).args(["fetch", &url]);
        soon("an answer", command.output()).await.unwrap()
    };
    let page = asked(&certificate).await;
    assert!(stdout(&page).contains("TLSv1.3"), "{}", stderr(&page));

    let none = asked(&nowhere).await;
    assert!(stderr(&none).contains("name it in SSL_CERT_FILE"), "{}", stderr(&none));
    // Those of this machine do not know it; a setting adds one to them.
    let stranger = fetch(&url, None, LONG).await.unwrap_err();
    assert!(matches!(stranger, FetchError::Unreachable { .. }), "{stranger:?}");
    let added = run(&[("CHASSIS_TLS__CA_FILE", certificate.to_str().unwrap())], &["fetch", &url]).await;
    assert!(stdout(&added).contains("TLSv1.3"), "{}", stderr(&added));
    let wrong = run(&[("CHASSIS_TLS__CA_FILE", nowhere.to_str().unwrap())], &["fetch", &url]).await;
    assert!(stderr(&wrong).contains("name a file in tls.ca_file"), "{}", stderr(&wrong));
}

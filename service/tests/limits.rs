//! Slow, large and broken requests, slow and broken handlers.

#![cfg(test)]

mod support;

use std::{
    io::{self, Write},
    sync::{Mutex, OnceLock},
    time::{Duration, Instant},
};

use axum::{body::Bytes, routing::post};
use chassis::{
    App, Config,
    config::{Sources, load},
    logging,
};
use serde_json::json;
use support::{
    gate::Gate,
    http::{Connection, get, post as send, request},
    running::Running,
    until,
};

const SLOW: &str = "The request was not received in time";

fn echo() -> App {
    let panic = post(async || -> String { panic!("secret detail") });
    App::new().unwrap().route("/echo", post(async |body: Bytes| body)).route("/panic", panic)
}

/// All log lines of this file's tests.
fn log() -> &'static Mutex<Vec<u8>> {
    static LOG: OnceLock<Mutex<Vec<u8>>> = OnceLock::new();
    struct Lines;
    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            LOG.get().unwrap().lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    LOG.get_or_init(|| {
        let settings = load(&Sources::default(), Config::read).unwrap().config.logging;
        tracing::subscriber::set_global_default(logging::subscriber(&settings, || Lines).unwrap()).unwrap();
        Mutex::default()
    })
}

#[tokio::test]
async fn a_header_that_does_not_end_gets_408_and_the_connection_is_closed() {
    let running = Running::with(&[("CHASSIS_SERVER__READ_TIMEOUT", "200ms")], echo()).await;
    for begun in ["G", "POST /echo HTTP/1.1\r\nhost: x\r\nx-long: "] {
        let mut connection = Connection::open(running.service).await;
        connection.send(begun).await;
        let answer = connection.answer().await;
        assert_eq!((answer.status, answer.message().as_str()), (408, SLOW), "{begun}");
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(connection.is_closed().await);
    }
}

#[tokio::test]
async fn a_header_that_trickles_in_gets_408_as_well() {
    let running = Running::with(&[("CHASSIS_SERVER__READ_TIMEOUT", "300ms")], echo()).await;
    let mut connection = Connection::open(running.service).await;
    // A second request of the connection: the first one was in time.
    assert_eq!(connection.request("POST", "/echo", "x").await.body, "x");
    let begun = Instant::now();
    for byte in "POST /echo HTTP/1.1\r\n".bytes().take(5) {
        connection.send([byte]).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(connection.answer().await.status, 408);
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_body_that_stalls_gets_408() {
    let running = Running::with(&[("CHASSIS_SERVER__READ_TIMEOUT", "200ms")], echo()).await;
    for begun in ["content-length: 9\r\n\r\npart", "transfer-encoding: chunked\r\n\r\n4\r\npart\r\n"] {
        let mut connection = Connection::open(running.service).await;
        connection.send(format!("POST /echo HTTP/1.1\r\nhost: x\r\n{begun}")).await;
        let answer = connection.answer().await;
        assert_eq!((answer.status, answer.message().as_str()), (408, SLOW), "{begun}");
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(connection.is_closed().await);
    }
}

#[tokio::test]
async fn a_body_that_trickles_in_gets_408_after_the_timeout() {
    let env = [("CHASSIS_SERVER__READ_TIMEOUT", "10s"), ("CHASSIS_SERVER__TIMEOUT", "200ms")];
    let running = Running::with(&env, echo()).await;
    let mut connection = Connection::open(running.service).await;
    connection.send("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n").await;
    for _ in 0..8 {
        connection.send("x").await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(connection.answer().await.status, 408);
}

#[tokio::test]
async fn an_idle_connection_outlives_the_header_limit_but_not_its_own() {
    let env = [("CHASSIS_SERVER__READ_TIMEOUT", "100ms"), ("CHASSIS_SERVER__KEEP_ALIVE", "900ms")];
    let running = Running::with(&env, echo()).await;
    let mut connection = Connection::open(running.service).await;
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert_eq!(connection.request("POST", "/echo", "still here").await.body, "still here");
    }
    assert!(connection.is_closed().await, "closed without an answer nobody asked for");
}

#[tokio::test]
async fn a_body_above_the_limit_gets_413_even_while_it_is_still_being_sent() {
    let running = Running::with(&[("CHASSIS_SERVER__MAX_BODY", "1Ki")], echo()).await;
    let exact = "x".repeat(1024);
    assert_eq!(send(running.service, "/echo", &exact).await.body, exact);
    let message = "The request body is larger than 1024 bytes";

    // Far more than the buffers of both ends hold.
    let large = "x".repeat(8 << 20);
    let mut connection = Connection::open(running.service).await;
    connection.send(request("POST", "/echo", &large)).await;
    let announced = connection.answer().await;
    assert_eq!((announced.status, announced.message().as_str()), (413, message));
    assert!(connection.is_closed().await);

    let mut connection = Connection::open(running.service).await;
    let chunk = format!("{:x}\r\n{exact}\r\n", exact.len());
    connection
        .send(format!("POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n{chunk}{chunk}"))
        .await;
    let chunked = connection.answer().await;
    assert_eq!((chunked.status, chunked.message().as_str()), (413, message));
    assert_eq!(chunked.header("content-type"), Some("application/json"));
}

/// What each refusal is for, and its route.
const REFUSED: [(&str, u16); 4] = [("/nothing", 404), ("/gate", 405), ("/echo", 413), ("/gate", 503)];

/// A service with a full queue, where all of [`REFUSED`] happens, and what keeps it full.
async fn refusing() -> (Running, Vec<Connection>) {
    let gate = Gate::closed();
    let env = [("CHASSIS_SERVER__WORKERS", "1"), ("CHASSIS_SERVER__MAX_BODY", "1Mi")];
    let running = Running::with(&env, echo().route("/gate", gate.route())).await;
    let mut busy = Vec::new();
    for _ in 0..11 {
        let mut connection = Connection::open(running.service).await;
        connection.send(request("POST", "/gate", "")).await;
        busy.push(connection);
    }
    until((1, 10), async || {
        let workers = running.workers.snapshot();
        (workers.busy, workers.queued)
    })
    .await;
    (running, busy)
}

#[tokio::test]
async fn an_upload_that_is_refused_early_gets_its_answer_instead_of_a_reset() {
    let (running, _busy) = refusing().await;
    // More than the buffers of both ends hold, or what the busy handler would take.
    let uploads = ["x".repeat(16 << 20), "x".repeat(1 << 20)];
    for (path, status) in REFUSED {
        let method = if status == 405 { "PUT" } else { "POST" };
        let upload = &uploads[usize::from(status == 503)];
        for _ in 0..5 {
            let mut connection = Connection::open(running.service).await;
            connection.send(request(method, path, upload)).await;
            let answer = connection.answer().await;
            assert_eq!((answer.status, answer.header("connection")), (status, Some("close")), "{path}");
            assert!(connection.is_closed().await);
        }
    }
}

#[tokio::test]
async fn an_upload_without_a_token_gets_its_401_instead_of_a_reset() {
    let auth = [("CHASSIS_AUTH__ISSUER", "http://127.0.0.1:1"), ("CHASSIS_AUTH__AUDIENCE", "a")];
    let running = Running::with(&auth, echo()).await;
    for _ in 0..5 {
        let mut connection = Connection::open(running.service).await;
        connection.send(request("POST", "/echo", &"x".repeat(16 << 20))).await;
        assert_eq!(connection.answer().await.status, 401);
        assert!(connection.is_closed().await);
    }
}

/// No request came of these, so that no route has refused them.
#[tokio::test]
async fn an_upload_that_is_no_request_gets_its_answer_instead_of_a_reset() {
    let running = Running::with(&[], echo()).await;
    let long = format!("POST /echo HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n", "x".repeat(70 << 10));
    let upload = format!("content-length: {}\r\n\r\n{}", 16 << 20, "x".repeat(16 << 20));
    for (head, status) in
        [("EHLO there\r\n", 400), ("POST /ec ho HTTP/1.1\r\nhost: x\r\n", 400), (&long, 431)]
    {
        for _ in 0..5 {
            let mut connection = Connection::open(running.service).await;
            connection.send(format!("{head}{upload}")).await;
            assert_eq!(connection.answer().await.status, status, "{}", &head[..20]);
            assert!(connection.is_closed().await);
        }
    }
}

#[tokio::test]
async fn a_refusal_does_not_wait_for_the_body() {
    let (running, _busy) = refusing().await;
    for (path, status) in REFUSED {
        let method = if status == 405 { "PUT" } else { "POST" };
        let length = if status == 413 { 2 << 20 } else { 10 };
        for more in ["", "expect: 100-continue\r\n"] {
            let mut connection = Connection::open(running.service).await;
            let head =
                format!("{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n{more}\r\n");
            connection.send(head).await;
            let answer = connection.answer().await;
            assert_eq!((answer.status, answer.header("connection")), (status, Some("close")), "{path}");
        }
    }
}

#[tokio::test]
async fn a_refused_request_with_a_small_body_costs_no_connection() {
    let (running, _busy) = refusing().await;
    let mut connection = Connection::open(running.service).await;
    for (path, status) in REFUSED.into_iter().filter(|(_, status)| *status != 413) {
        let method = if status == 405 { "PUT" } else { "POST" };
        for body in ["small", &"x".repeat(30 << 10)] {
            let answer = connection.request(method, path, body).await;
            assert_eq!((answer.status, answer.header("connection")), (status, None), "{path}");
        }
        let chunked = "host: x\r\ntransfer-encoding: chunked\r\n\r\n4\r\npart\r\n0\r\n\r\n";
        connection.send(format!("{method} {path} HTTP/1.1\r\n{chunked}")).await;
        assert_eq!(connection.answer().await.status, status);
    }
}

#[tokio::test]
async fn a_body_in_several_pieces_arrives_whole() {
    let running = Running::with(&[], echo()).await;
    let mut connection = Connection::open(running.service).await;
    connection.send("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n").await;
    for piece in ["one", "two", "six"] {
        connection.send(piece).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(connection.answer().await.body, "onetwosix");
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let running = Running::with(&[], echo()).await;
    let mut connection = Connection::open(running.service).await;
    let all: String = (0..20).map(|number| request("POST", "/echo", &number.to_string())).collect();
    connection.send(all).await;
    for number in 0..20 {
        assert_eq!(connection.answer().await.body, number.to_string());
    }
}

/// A route with an answer larger than what both kernels keep.
fn large() -> App {
    App::new().unwrap().route("/large", axum::routing::get(async || "x".repeat(LARGE)))
}

const LARGE: usize = 16 << 20;

async fn metric(running: &Running, line: &str) -> bool {
    get(running.admin, "/metrics").await.body.lines().any(|present| present == line)
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_is_cut_off_and_counted() {
    let running = Running::with(&[("CHASSIS_SERVER__WRITE_TIMEOUT", "200ms")], large()).await;
    let mut deaf = Connection::open(running.service).await;
    // Also one that goes on asking.
    let mut asking = Connection::open(running.service).await;
    deaf.send(request("GET", "/large", "")).await;
    asking.send(request("GET", "/large", "").repeat(100)).await;
    let counted = "chassis_connections_cut_total{listener=\"service\",reason=\"write_timeout\"} 2";
    until(true, async || metric(&running, counted).await).await;
    until(true, async || metric(&running, "chassis_connections{listener=\"service\"} 0").await).await;
}

#[tokio::test]
async fn a_client_that_reads_slowly_but_steadily_gets_its_whole_answer() {
    let running = Running::with(&[("CHASSIS_SERVER__WRITE_TIMEOUT", "500ms")], large()).await;
    let mut slow = Connection::open(running.service).await;
    let begun = Instant::now();
    slow.send(request("GET", "/large", "")).await;
    let length = slow.head().await.unwrap().header("content-length").unwrap().parse().unwrap();
    assert_eq!(length, LARGE);
    let mut read = 0;
    while read < length {
        tokio::time::sleep(Duration::from_millis(10)).await;
        read += slow.take(128 << 10).await;
    }
    assert!(begun.elapsed() > Duration::from_secs(1), "not slow: {:?}", begun.elapsed());
}

#[tokio::test]
async fn a_handler_that_takes_too_long_gets_504_and_is_cancelled() {
    let gate = Gate::closed();
    let app = App::new().unwrap().route("/gate", gate.route());
    let running = Running::with(&[("CHASSIS_SERVER__TIMEOUT", "200ms")], app).await;
    let answer = send(running.service, "/gate", "").await;
    assert_eq!((answer.status, answer.json()), (504, json!({ "message": "Gateway Timeout" })));
    assert_eq!(gate.begun().len(), 1);
    until(0, async || gate.inside()).await;
    assert_eq!(running.workers.snapshot().busy, 0);
}

/// contract 1.1.9, contract 4.2.9
#[tokio::test]
async fn a_panic_gets_500_without_details_which_are_logged_under_the_operation_id() {
    let log = log();
    let running = Running::with(&[], echo()).await;
    let mut connection = Connection::open(running.service).await;
    let answer = connection.request("POST", "/panic", "").await;
    assert_eq!((answer.status, answer.json()), (500, json!({ "message": "Internal Server Error" })));
    let id = answer.header("x-operation-id").unwrap();
    let log = String::from_utf8(log.lock().unwrap().clone()).unwrap();
    let line = log.lines().find(|line| line.contains("secret detail")).unwrap();
    assert!(
        line.contains(&format!("[ERROR][{id}] microservice: a handler panicked: secret detail")),
        "{line}"
    );
    assert_eq!(running.workers.snapshot().busy, 0);
    assert_eq!(connection.request("POST", "/echo", "alive").await.body, "alive");
}

#[tokio::test]
async fn a_header_above_the_limit_gets_431() {
    let running = Running::with(&[], echo()).await;
    let long = format!("x-long: {}\r\n", "x".repeat(70 << 10));
    for (more, status) in [(long, 431), ("a: b\r\n".repeat(99), 200), ("a: b\r\n".repeat(100), 431)] {
        let mut connection = Connection::open(running.service).await;
        connection.send(format!("POST /echo HTTP/1.1\r\nhost: x\r\n{more}\r\n")).await;
        assert_eq!(connection.answer().await.status, status, "{}", more.lines().count());
    }
}

#[tokio::test]
async fn what_is_not_http_gets_400() {
    let running = Running::with(&[], echo()).await;
    let mut connection = Connection::open(running.service).await;
    connection.send("EHLO there\r\n\r\n").await;
    assert_eq!(connection.answer().await.status, 400);
    assert!(connection.is_closed().await);
    assert_eq!(get(running.service, "/status").await.status, 200);
}

#[tokio::test]
async fn connections_beyond_the_limit_get_503_and_the_admin_port_answers() {
    let running = Running::with(&[("CHASSIS_SERVER__MAX_CONNECTIONS", "2")], echo()).await;
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut connection = Connection::open(running.service).await;
        assert_eq!(connection.request("POST", "/echo", "x").await.body, "x");
        kept.push(connection);
    }
    for _ in 0..3 {
        let mut refused = Connection::open(running.service).await;
        refused.send(request("POST", "/echo", "x")).await;
        let answer = refused.answer().await;
        assert_eq!((answer.status, answer.message().as_str()), (503, "Too many connections"));
        assert_eq!((answer.header("retry-after"), answer.header("connection")), (Some("1"), Some("close")));
        assert!(refused.is_closed().await);
    }
    let counted = "chassis_connections_refused_total{listener=\"service\",reason=\"max_connections\"} 3";
    assert!(metric(&running, counted).await);
    // Those that were there go on, and a place that is given up is free again.
    assert_eq!(kept[1].request("POST", "/echo", "still here").await.body, "still here");
    drop(kept.pop());
    until(200, async || send(running.service, "/echo", "x").await.status).await;
}

#[tokio::test]
async fn unfinished_bodies_take_no_more_than_their_budget() {
    let env = [("CHASSIS_SERVER__MAX_BODY", "1Mi"), ("CHASSIS_SERVER__BODY_BUDGET", "1Mi")];
    let running = Running::with(&env, echo()).await;
    let head = format!("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", 1 << 20);
    let mut unfinished = Vec::new();
    let refused = async || {
        let all = get(running.admin, "/metrics").await.body;
        let name = "chassis_requests_rejected_total{reason=\"body_budget\"} ";
        all.lines().find_map(|line| line.strip_prefix(name)).unwrap().parse::<u32>().unwrap()
    };
    for _ in 0..4 {
        let mut connection = Connection::open(running.service).await;
        connection.send(head.clone() + &"x".repeat(600 << 10)).await;
        unfinished.push(connection);
    }
    until(3, refused).await;
    // A body in one piece needs nothing of it.
    assert_eq!(send(running.service, "/echo", "small").await.body, "small");
    let mut answers = Vec::new();
    for mut connection in unfinished {
        if let Ok(answer) = tokio::time::timeout(Duration::from_millis(500), connection.answer()).await {
            assert_eq!(answer.message(), "Too many large requests are being received");
            assert_eq!(
                (answer.header("retry-after"), answer.header("connection")),
                (Some("1"), Some("close"))
            );
            answers.push(answer.status);
        }
    }
    assert_eq!(answers, [503; 3]);
    // All connections are gone, and what they had taken is free again.
    let whole = "y".repeat(1 << 20);
    until(200, async || send(running.service, "/echo", &whole).await.status).await;
}

#[tokio::test]
async fn a_request_without_a_host_or_with_two_gets_400() {
    let running = Running::with(&[], echo()).await;
    for (host, version, status) in [
        ("", "1.1", 400),
        ("host: a\r\nhost: b\r\n", "1.1", 400),
        ("host: a\r\nhost: a\r\n", "1.1", 400),
        ("host: a\r\nhost: b\r\n", "1.0", 400),
        ("host: a\r\n", "1.1", 200),
        ("", "1.0", 200),
    ] {
        for address in [running.service, running.admin] {
            let path = if address == running.admin { "/livez" } else { "/status" };
            let mut connection = Connection::open(address).await;
            connection.send(format!("GET {path} HTTP/{version}\r\n{host}\r\n")).await;
            let answer = connection.answer().await;
            assert_eq!(answer.status, status, "{host:?} {version}");
            if status == 400 {
                assert_eq!(answer.message(), "A request needs one Host header, and no second one");
            }
        }
    }
}

#[tokio::test]
async fn options_of_the_server_as_a_whole_are_answered() {
    let running = Running::with(&[], echo()).await;
    let answer = support::http::ask(running.service, "OPTIONS", "*", "").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
}

//! Contract 5.7: requests are traced, and their spans reach collectors.

#![cfg(test)]

mod support;

use std::net::SocketAddr;

use axum::{http::StatusCode, routing::get as on_get};
use chassis::{
    App,
    answer::ServiceError,
    logged,
    logging::Function,
    trace::{self, Kind, Span},
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value, trace::v1::span::SpanKind,
};
use prost::Message;
use serde_json::{Value, json};
use support::{
    collector::Collector,
    http::{get, get_with, post},
    parts::Zipkin,
    process::Process,
    running::Running,
    until,
};
use tokio::net::TcpListener;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";
const V1: &str = "/api/v1/spans";
const V2: &str = "/api/v2/spans";

/// A handler with a database behind it, one that fails, and one that says what it knows.
fn app() -> App {
    let users = on_get(async || {
        trace::name("get_users");
        let mut span = Span::begin(Kind::Local, "fetch").component("db-execute");
        span.tag("db.type", "sql");
        span.tag("db.sql", "SELECT name FROM users");
        span.run(async { drop(Span::begin(Kind::Local, "connect")) }).await;
        "[]"
    });
    let failing = on_get(async || {
        trace::fail("ServerError", "internal error");
        StatusCode::INTERNAL_SERVER_ERROR
    });
    let current = on_get(async || {
        trace::current().map_or("none".to_owned(), |(trace, span)| format!("{trace} {span}"))
    });
    App::new().unwrap().route("/users", users).route("/failing", failing).route("/current", current)
}

fn soon_to<'u>(url: &'u str, more: &[(&'u str, &'u str)]) -> Vec<(&'u str, &'u str)> {
    let own =
        [("ZIPKIN_SERVER", url), ("CHASSIS_TRACING__INTERVAL", "10ms"), ("CST_PROJECT_NAME", "user-service")];
    [&own[..], more].concat()
}

/// The span of this name.
fn named<'s>(spans: &'s [Value], name: &str) -> &'s Value {
    spans.iter().find(|span| span["name"] == name).unwrap_or_else(|| panic!("no {name} in {spans:#?}"))
}

/// contract 5.7.26, contract 5.7.27, contract 5.7.29, contract 0b.7
#[tokio::test]
async fn zipkin_shows_what_was_traced_in_both_of_its_formats() {
    let Some(zipkin) = Zipkin::start().await else { return };
    for (path, trace_id) in
        [(V1, "af7651916cd43dd8448eb211c80319c1"), (V2, "af7651916cd43dd8448eb211c80319c2")]
    {
        let url = format!("http://{}{path}", zipkin.address);
        let running = Running::with(&soon_to(&url, &[]), app()).await;
        let ot =
            [("ot-tracer-traceid", trace_id), ("ot-tracer-spanid", "b7ad"), ("ot-tracer-sampled", "true")];
        assert_eq!(get_with(running.service, "/users?a=1", &ot).await.status, 200);
        let spans = zipkin.trace(trace_id, 3).await;

        let server = named(&spans, "get_users");
        assert_eq!(server["kind"], "SERVER", "{path}");
        assert_eq!(server["traceId"], trace_id);
        assert_eq!(server["parentId"], "000000000000b7ad", "{path}: the caller's span");
        assert_eq!(server["localEndpoint"]["serviceName"], "user-service");
        assert_eq!(
            server["tags"],
            json!({
                "component": "user-service",
                "http.method": "GET",
                "http.url": "http://users:8080/users?a=1",
                "http.status_code": "200",
                "peer.ipv4": "127.0.0.1",
            })
        );
        let db = named(&spans, "fetch");
        assert_eq!((&db["parentId"], &db["kind"]), (&server["id"], &Value::Null), "{path}");
        // In the first format every component is a service of its own, as in the original's screenshots.
        let service = if path == V1 { "db-execute" } else { "user-service" };
        assert_eq!(db["localEndpoint"]["serviceName"], service);
        assert_eq!(
            db["tags"],
            json!({ "component": "db-execute", "db.type": "sql", "db.sql": "SELECT name FROM users" })
        );
        assert_eq!(named(&spans, "connect")["parentId"], db["id"]);
        assert!(server["duration"].as_u64() >= db["duration"].as_u64(), "{path}");
        assert!(server["timestamp"].as_u64() <= db["timestamp"].as_u64(), "{path}");

        // The other conventions, and failures.
        let w3c = format!("00-aaaa{}-{SPAN}-01", &trace_id[4..]);
        get_with(running.service, "/failing", &[("traceparent", &w3c)]).await;
        let spans = zipkin.trace(&w3c[3..35], 1).await;
        assert_eq!((&spans[0]["parentId"], &spans[0]["name"]), (&json!(SPAN), &json!("get /failing")));
        let tags = &spans[0]["tags"];
        assert_eq!(
            (&tags["error.kind"], &tags["error.msg"]),
            (&json!("ServerError"), &json!("internal error"))
        );
        assert_eq!((&tags["http.status_code"], &tags["error"]), (&json!("500"), &json!("internal error")));

        let b3 = format!("bbbb{}-{SPAN}-1", &trace_id[4..]);
        get_with(running.service, "/nowhere", &[("b3", &b3)]).await;
        let spans = zipkin.trace(&b3[..32], 1).await;
        assert_eq!((&spans[0]["parentId"], &spans[0]["name"]), (&json!(SPAN), &json!("get")));
        assert_eq!(spans[0]["tags"]["http.status_code"], "404");
    }
    assert!(zipkin.services().await.contains(&"db-execute".to_owned()));

    // Nothing is lost at the end: what waits for its interval is sent in the drain.
    let file = format!("tracing: {{zipkin_url: 'http://{}{V2}', interval: 1h}}", zipkin.address);
    let mut process = Process::start(&file).await;
    get_with(process.service, "/fibonacci/list?count=3", &[("b3", &format!("{TRACE}-{SPAN}-1"))]).await;
    process.signal("TERM").await;
    assert_eq!(process.exit_code().await, Some(0));
    assert_eq!(zipkin.trace(TRACE, 1).await[0]["name"], "fibonacci_list_api");
}

#[tokio::test]
async fn contract_5_7_27_an_error_of_the_service_has_its_class_and_message_and_only_its_own_is_a_failure() {
    let collector = Collector::start(V2).await;
    let url = collector.url(V2);
    let running = Running::bundled(&soon_to(
        &url,
        &[("CHASSIS_SERVER__TIMEOUT", "50ms"), ("CHASSIS_MESSAGE__DELAY", "5s")],
    ))
    .await;
    post(running.service, "/microservice", "nothing").await;
    post(running.service, "/microservice", "{}").await;
    get(running.service, "/nowhere").await;
    until(3, async || collector.spans().len()).await;
    let spans = collector.spans();
    for (status, kind, message, failure) in [
        ("400", "BadRequest", "input should be JSON object", Value::Null),
        ("404", "NotFound", "Not Found", Value::Null),
        ("504", "GatewayTimeout", "Gateway Timeout", json!("Gateway Timeout")),
    ] {
        let wanted = |span: &&Value| span["tags"]["http.status_code"] == status;
        let tags = &spans.iter().find(wanted).unwrap_or_else(|| panic!("no {status} in {spans:#?}"))["tags"];
        assert_eq!(
            (&tags["error.kind"], &tags["error.msg"], &tags["error"]),
            (&json!(kind), &json!(message), &failure)
        );
    }
}

#[tokio::test]
async fn contract_5_7_29_the_first_format_has_the_shape_of_the_contract() {
    let collector = Collector::start(V1).await;
    let url = collector.url(V1);
    let running = Running::with(&soon_to(&url, &[]), app()).await;
    get(running.service, "/users").await;
    until(3, async || collector.spans().len()).await;
    assert_eq!(collector.received()[0].0["content-type"], "application/json");
    let spans = collector.spans();
    let root = named(&spans, "get_users");
    assert_eq!(root["parentId"], Value::Null, "a root says so");
    assert!(root.as_object().unwrap().contains_key("parentId"));
    let (begin, took) = (root["timestamp"].as_u64().unwrap(), root["duration"].as_u64().unwrap());
    let endpoint = json!({ "serviceName": "user-service" });
    assert_eq!(
        root["annotations"],
        json!([
            { "endpoint": endpoint, "timestamp": begin, "value": "sr" },
            { "endpoint": endpoint, "timestamp": begin + took, "value": "ss" },
        ])
    );
    assert_eq!(
        root["binaryAnnotations"][0],
        json!({ "endpoint": endpoint, "key": "http.method", "value": "GET" })
    );
    assert_eq!(named(&spans, "fetch")["annotations"], json!([]));
    let endpoint = &named(&spans, "fetch")["binaryAnnotations"][0]["endpoint"];
    assert_eq!(*endpoint, json!({ "serviceName": "db-execute" }));
    for span in &spans {
        for id in ["traceId", "id"] {
            let text = span[id].as_str().unwrap();
            assert!(
                !text.starts_with('0') && text.bytes().all(|b| b"0123456789abcdef".contains(&b)),
                "{text}"
            );
        }
    }
}

#[tokio::test]
async fn contract_5_7_29_a_collector_that_is_away_changes_no_answer_and_loses_no_span() {
    let nobody = Collector::start(V2).await;
    let (address, url) = (nobody.running.service, nobody.url(V2));
    nobody.running.shutdown.drain();
    nobody.running.ended().await;

    let file = format!("tracing: {{zipkin_url: '{url}', interval: 10ms}}");
    let mut process = Process::start(&file).await;
    for _ in 0..5 {
        assert_eq!(post(process.service, "/microservice", "{}").await.status, 200);
    }
    let warning = process.logs("takes no spans, they wait in the queue").await;
    assert!(warning.contains("WARNING") && warning.contains(&url), "{warning}");
    let collector = Collector::start_at(address, V2).await;
    until(5, async || collector.spans().len()).await;
    process.logs("takes spans again").await;
    let exported = async || get(process.admin, "/metrics").await.body;
    until(true, async || exported().await.contains("chassis_spans_exported_total{collector=\"zipkin\"} 5\n"))
        .await;
}

#[tokio::test]
async fn what_the_queue_has_no_room_for_is_counted_and_so_is_what_is_left_at_the_end() {
    let gone = SocketAddr::from(([127, 0, 0, 1], 9));
    let url = format!("http://{gone}{V2}");
    let env = [("CHASSIS_TRACING__QUEUE", "2"), ("CHASSIS_TRACING__BATCH", "1")];
    let running = Running::with(&soon_to(&url, &env), app()).await;
    for _ in 0..8 {
        get(running.service, "/current").await;
    }
    let lost = "chassis_spans_lost_total{collector=\"zipkin\",reason=\"queue_full\"} ";
    let page = get(running.admin, "/metrics").await.body;
    let lost: u32 = page.lines().find_map(|line| line.strip_prefix(lost)).unwrap().parse().unwrap();
    assert!((5..=6).contains(&lost), "one in hand, two in the queue: {lost}");

    let file = format!("tracing: {{zipkin_url: '{url}', interval: 10ms}}\nserver: {{drain_timeout: 300ms}}");
    let mut process = Process::start(&file).await;
    post(process.service, "/microservice", "{}").await;
    process.signal("TERM").await;
    process.logs("1 spans are lost, the collector").await;
    assert_eq!(process.exit_code().await, Some(0), "every request was answered");
}

/// `server.drain_timeout` is 30 s here, which is longer than any test waits.
#[tokio::test]
async fn a_collector_that_is_away_or_silent_does_not_hold_up_the_end() {
    let away = SocketAddr::from(([127, 0, 0, 1], 9));
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for collector in [away, silent.local_addr().unwrap()] {
        let mut process =
            Process::start(&format!("tracing: {{zipkin_url: 'http://{collector}{V2}', interval: 10ms}}"))
                .await;
        post(process.service, "/microservice", "{}").await;
        process.signal("TERM").await;
        process.logs("sending the last 1 spans").await;
        process.logs("1 spans are lost, the collector").await;
        assert_eq!(process.exit_code().await, Some(0), "every request was answered");
    }
}

#[tokio::test]
async fn a_collector_that_refuses_gets_the_next_spans_all_the_same() {
    let collector = Collector::start(V2).await;
    let url = collector.url(V2);
    collector.answers(400);
    let running = Running::with(&soon_to(&url, &[]), app()).await;
    get(running.service, "/current").await;
    let refused = "chassis_spans_lost_total{collector=\"zipkin\",reason=\"rejected\"} 1\n";
    until(true, async || get(running.admin, "/metrics").await.body.contains(refused)).await;
    collector.answers(202);
    get(running.service, "/users").await;
    until(3, async || collector.spans().len()).await;
    // 503 is tried again.
    collector.answers(503);
    get(running.service, "/current").await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    collector.answers(200);
    until(4, async || collector.spans().len()).await;
}

#[tokio::test]
async fn an_opentelemetry_collector_gets_protobuf_that_its_own_definitions_read() {
    let collector = Collector::start("/v1/traces").await;
    let url = format!("http://{}", collector.running.service);
    let env = [
        ("CHASSIS_TRACING__OTLP_URL", url.as_str()),
        ("CHASSIS_TRACING__INTERVAL", "10ms"),
        ("CST_PROJECT_NAME", "user-service"),
        ("CST_PROJECT_VERSION", "1.2.3"),
    ];
    let running = Running::with(&env, app()).await;
    let parent = [("traceparent", format!("00-{TRACE}-{SPAN}-01"))];
    let parent = parent.each_ref().map(|(name, value)| (*name, value.as_str()));
    get_with(running.service, "/users", &parent).await;
    get_with(running.service, "/failing", &parent).await;
    let requests = || -> Vec<ExportTraceServiceRequest> {
        let received = collector.received();
        received.into_iter().map(|(_, body)| ExportTraceServiceRequest::decode(body).unwrap()).collect()
    };
    let spans = || -> Vec<_> {
        let scopes =
            requests().into_iter().flat_map(|request| request.resource_spans).flat_map(|of| of.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    };
    until(4, async || spans().len()).await;
    assert_eq!(collector.received()[0].0["content-type"], "application/x-protobuf");

    let text = |value: &Option<opentelemetry_proto::tonic::common::v1::AnyValue>| match value {
        Some(value) => match &value.value {
            Some(any_value::Value::StringValue(text)) => text.clone(),
            other => panic!("{other:?}"),
        },
        None => panic!("no value"),
    };
    let resource = requests()[0].resource_spans[0].resource.clone().unwrap();
    let resource: Vec<_> =
        resource.attributes.iter().map(|pair| (pair.key.clone(), text(&pair.value))).collect();
    assert_eq!(
        resource,
        [("service.name", "user-service"), ("service.version", "1.2.3")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
    );
    let spans = spans();
    let find = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let (server, db) = (find("get_users"), find("fetch"));
    assert_eq!((hex(&server.trace_id), hex(&server.parent_span_id)), (TRACE.to_owned(), SPAN.to_owned()));
    assert_eq!((server.kind(), db.kind()), (SpanKind::Server, SpanKind::Internal));
    assert_eq!(db.parent_span_id, server.span_id);
    assert!(server.start_time_unix_nano <= db.start_time_unix_nano);
    assert!(server.end_time_unix_nano > server.start_time_unix_nano);
    let sql = db.attributes.iter().find(|pair| pair.key == "db.sql").unwrap();
    assert_eq!(text(&sql.value), "SELECT name FROM users");
    let status = find("GET /failing").status.clone().unwrap();
    assert_eq!((status.code, status.message.as_str()), (2, "internal error"));
}

#[tokio::test]
async fn contract_5_7_30_what_is_not_sampled_is_not_sent_and_a_decision_that_comes_along_is_kept() {
    let collector = Collector::start(V2).await;
    let url = collector.url(V2);
    let running = Running::with(&soon_to(&url, &[("CHASSIS_TRACING__SAMPLE_RATE", "0")]), app()).await;
    get(running.service, "/users").await;
    get_with(running.service, "/users", &[("b3", &format!("{TRACE}-{SPAN}-0"))]).await;
    // The trace is known all the same: log lines name it, and it goes along with further requests.
    let current = get_with(running.service, "/current", &[("b3", &format!("{TRACE}-{SPAN}-0"))]).await;
    assert!(current.body.starts_with(TRACE), "{}", current.body);
    get_with(running.service, "/users", &[("b3", &format!("{TRACE}-{SPAN}-1"))]).await;
    until(3, async || collector.spans().len()).await;
    assert!(collector.spans().iter().all(|span| span["traceId"] == TRACE));
}

#[tokio::test]
async fn a_stranger_who_asks_for_every_request_to_be_traced_gets_a_few_a_second() {
    let collector = Collector::start(V2).await;
    let url = collector.url(V2);
    let env = [("CHASSIS_TRACING__SAMPLE_RATE", "0"), ("CHASSIS_TRACING__FORCED_PER_SECOND", "2")];
    let running = Running::with(&soon_to(&url, &env), app()).await;
    let began = std::time::Instant::now();
    for _ in 0..50 {
        get_with(running.service, "/current", &[("b3", &format!("{TRACE}-{SPAN}-1"))]).await;
    }
    // So many seconds have begun meanwhile, whatever the machine was busy with.
    let most = 2 * (began.elapsed().as_secs() + 2);
    let metrics = get(running.admin, "/metrics").await.body;
    let name = "chassis_traces_not_forced_total ";
    let refused: u64 = metrics.lines().find_map(|line| line.strip_prefix(name)?.parse().ok()).unwrap();
    assert!((2..=most).contains(&(50 - refused)), "{refused} of 50 were refused");
}

#[tokio::test]
async fn without_a_collector_there_is_no_trace() {
    let running = Running::with(&[], app()).await;
    let current = get_with(running.service, "/current", &[("b3", &format!("{TRACE}-{SPAN}-1"))]).await;
    assert_eq!(current.body, "none");
    assert!(!get(running.admin, "/metrics").await.body.contains("chassis_spans"));
}

#[tokio::test]
async fn json_lines_name_the_trace_of_their_request() {
    let mut process = Process::start("tracing: {log: true}\nlogging: {format: json}").await;
    let headers = [("b3", format!("{TRACE}-{SPAN}-1")), ("Apitrace", "mine".to_owned())];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    get_with(process.service, "/fibonacci/list?count=3", &headers).await;
    let line: Value = serde_json::from_str(&process.logs("API CALL").await).unwrap();
    assert_eq!(line["trace_id"], TRACE);
    let span: Value = serde_json::from_str(&process.logs(" span\"").await).unwrap();
    assert_eq!(
        span["span_id"].as_str().unwrap().trim_start_matches('0'),
        line["span_id"].as_str().unwrap().trim_start_matches('0')
    );
    process.signal("TERM").await;
    let after: Value = serde_json::from_str(&process.logs("every request is answered").await).unwrap();
    assert_eq!(after["trace_id"], Value::Null, "outside of a request there is none");
}

#[tokio::test]
async fn contract_5_7_29_spans_can_be_lines_of_the_log() {
    let mut process = Process::start("tracing: {log: true}\nlogging: {format: json}").await;
    post(process.service, "/microservice?token=geheim", "{}").await;
    let line = process.logs(" span\"").await;
    assert!(!line.contains("geheim"), "{line}");
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["message"], "Microservice span");
    assert_eq!((&line["name"], &line["kind"]), (&json!("microservice"), &json!("server")));
    assert!(line["trace_id"].is_string() && line["duration_us"].is_u64(), "{line}");
    assert_ne!(line["operation_id"], "No operation_id");
}

logged! {
    /// Finds a city.
    [kind = "query", detail = "by id"]
    async fn get_city_by_id(id: u64) -> Result<u64, ServiceError> {
        drop(Span::begin(Kind::Local, "fetch"));
        if id == 0 { Err(ServiceError::NotFound) } else { Ok(id) }
    }
}

/// contract 5.8.32, contract 5.7.28
#[tokio::test]
async fn a_function_that_is_logged_is_a_span_around_what_it_does() {
    let collector = Collector::start(V2).await;
    let city = on_get(async || {
        assert!(get_city_by_id(1).await.is_ok() && get_city_by_id(0).await.is_err());
        let untraced = Function::new("untraced").tracing(false).run(async { Ok::<_, ServiceError>(()) });
        assert_eq!(untraced.await, Ok(()));
    });
    let app = App::new().unwrap().route("/city", city);
    let url = collector.url(V2);
    let running = Running::with(&soon_to(&url, &[]), app).await;
    assert_eq!(get(running.service, "/city").await.status, 200);
    until(5, async || collector.spans().len()).await;
    let spans = collector.spans();
    let calls: Vec<_> = spans.iter().filter(|span| span["name"] == "get_city_by_id").collect();
    assert_eq!(calls.len(), 2, "{spans:#?}");
    let good = calls.iter().find(|span| span["tags"].get("error.kind").is_none()).unwrap();
    let tags = json!({
        "component": "user-service-query",
        "category": "user-service",
        "fun_name": "get_city_by_id",
        "detail": "by id",
        "log_type": "query",
        "description": "Finds a city.",
    });
    assert_eq!(good["tags"], tags);
    assert!(spans.iter().any(|span| span["name"] == "fetch" && span["parentId"] == good["id"]), "{spans:#?}");
    let bad = calls.iter().find(|span| span["tags"].get("error.kind").is_some()).unwrap();
    assert_eq!(
        (&bad["tags"]["error.kind"], &bad["tags"]["error.msg"]),
        (&json!("ServiceError"), &json!("Not Found"))
    );
}

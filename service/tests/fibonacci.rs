//! Contract 3.1 (`GET /fibonacci/list`) and 3.4 (its limit).

#![cfg(test)]

mod support;

use dashu_int::UBig;
use futures::future::join_all;
use serde_json::json;
use support::{
    http::{Answer, Connection, ask, get, request},
    process::Process,
    running::{Running, size},
    until,
};

const PATH: &str = "/fibonacci/list";
const NO_ARG: &str = "ERR_NO_ARG:  'count' argument required to /fibonacci/api";
const INVALID_TYPE: &str = "ERR_INVALID_TYPE:  'count' parameter must be an integer";
const NEGATIVE: &str = "ERR_OUT_OF_BOUNDS:  'count' parameger must be a postitive integer";

async fn list(running: &Running, query: &str) -> Answer {
    get(running.service, &format!("{PATH}{query}")).await
}

/// As a script in a browser asks.
async fn script(running: &Running, query: &str, with: &str) -> Answer {
    let mut connection = Connection::open(running.service).await;
    connection
        .send(format!("GET {PATH}{query} HTTP/1.1\r\nhost: x\r\nx-requested-with: {with}\r\n\r\n"))
        .await;
    connection.answer().await
}

/// The members of `answer` as they are spelt; a JSON library would lose their digits.
fn numbers(answer: &Answer) -> Vec<&str> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let (_, rest) = answer.body.split_once('[').unwrap();
    let (list, _) = rest.split_once(']').unwrap();
    list.split(',').map(str::trim).filter(|number| !number.is_empty()).collect()
}

/// The numbers by another library.
fn oracle(count: usize) -> Vec<String> {
    let start = (UBig::ZERO, UBig::ONE);
    let pairs = std::iter::successors(Some(start), |(this, next)| Some((next.clone(), this + next)));
    pairs.take(count).map(|(this, _)| this.to_string()).collect()
}

/// contract 3.1.1, contract 3.1.9
#[tokio::test]
async fn row_1_9_ten_numbers_as_in_the_document() {
    let running = Running::bundled(&[]).await;
    let answer = list(&running, "?count=10").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let document = "{\n  \"answer\": [\n    0,\n    1,\n    1,\n    2,\n    3,\n    5,\n    8,\n    13,\n    21,\n    34\n  ]\n}\n";
    assert_eq!(answer.body, document);
}

/// contract 3.1.2
#[tokio::test]
async fn row_2_the_first_lengths() {
    let running = Running::bundled(&[]).await;
    let document = ["0", "1", "1", "2", "3", "5"];
    for length in 0..=document.len() {
        let answer = list(&running, &format!("?count={length}")).await;
        assert_eq!(numbers(&answer), document[..length], "{length}");
        assert!(answer.json()["answer"].is_array());
    }
    assert_eq!(list(&running, "?count=0").await.body, "{\n  \"answer\": []\n}\n");
}

/// contract 3.1.3, contract 3.1.4, contract 3.1.5, contract 3.1.7, contract 0b.4
#[tokio::test]
async fn row_3_4_5_7_what_is_no_count_is_refused_with_the_words_of_the_document() {
    let running = Running::bundled(&[]).await;
    for (query, error) in [
        ("", NO_ARG),
        ("?", NO_ARG),
        ("?count", NO_ARG),
        ("?count=", NO_ARG),
        ("?count=&count=5", NO_ARG),
        ("?Count=5", NO_ARG),
        ("?limit=5", NO_ARG),
        ("?count=J", INVALID_TYPE),
        ("?count=1.5", INVALID_TYPE),
        ("?count=1e2", INVALID_TYPE),
        ("?count=0x10", INVALID_TYPE),
        ("?count=5L", INVALID_TYPE),
        ("?count=1_000", INVALID_TYPE),
        ("?count=%D9%A3", INVALID_TYPE),
        ("?count=%FF", INVALID_TYPE),
        ("?count=%00", INVALID_TYPE),
        ("?count=+", INVALID_TYPE),
        ("?count=-", INVALID_TYPE),
        ("?count=%2B-5", INVALID_TYPE),
        ("?count=-+5", INVALID_TYPE),
        ("?count=5+5", INVALID_TYPE),
        ("?count=%22%0A", INVALID_TYPE),
        ("?count=J&count=5", INVALID_TYPE),
        ("?count=-1", NEGATIVE),
        ("?count=-001", NEGATIVE),
        ("?count=-99999999999999999999999999", NEGATIVE),
    ] {
        let answer = list(&running, query).await;
        assert_eq!((answer.status, answer.json()), (403, json!({ "error": error })), "{query}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{query}");
    }
}

/// contract 3.1.7
#[tokio::test]
async fn row_7_spellings_of_an_integer() {
    let running = Running::bundled(&[]).await;
    for (query, length) in [
        ("?count=%205%20", 5),
        ("?count=+5", 5),
        ("?count=%2B5", 5),
        ("?count=-0", 0),
        ("?count=010", 10),
        ("?count=%0A7%09", 7),
        ("?count=2&count=J", 2),
        ("?x=1&count=3&count=4", 3),
        ("?c%6Funt=%36", 6),
    ] {
        assert_eq!(numbers(&list(&running, query).await).len(), length, "{query}");
    }
}

/// contract 3.1.8
#[tokio::test]
async fn row_8_numbers_are_exact_at_any_size() {
    let running = Running::bundled(&[]).await;
    let answer = list(&running, "?count=200").await;
    let list = numbers(&answer);
    assert_eq!(*list.last().unwrap(), "173402521172797813159685037284371942044301");
    // The last that fits and the first that doesn't: 2^53, u64, u128.
    assert_eq!((list[78], list[79]), ("8944394323791464", "14472334024676221"));
    assert_eq!((list[93], list[94]), ("12200160415121876738", "19740274219868223167"));
    let (fits, beyond) = (list[186], list[187]);
    assert!(fits.parse::<u128>().is_ok() && beyond.parse::<u128>().is_err(), "{fits} {beyond}");
    assert_eq!(list, oracle(200));
}

/// contract 3.1.8, contract 3.1.9
#[tokio::test]
async fn row_8_a_thousand_numbers_are_those_of_another_library_in_both_layouts() {
    let running = Running::bundled(&[]).await;
    let expected = oracle(1001);
    assert_eq!(numbers(&list(&running, "?count=1001").await), expected);
    let compact = script(&running, "?count=1001", "XMLHttpRequest").await;
    assert_eq!(compact.body, format!("{{\"answer\":[{}]}}\n", expected.join(",")));
}

/// contract 3.1.9
#[tokio::test]
async fn row_9_scripts_get_it_compact() {
    let running = Running::bundled(&[]).await;
    for (with, body) in [
        ("XMLHttpRequest", "{\"answer\":[0,1,1]}\n"),
        ("xmlhttprequest", "{\"answer\":[0,1,1]}\n"),
        ("curl", "{\n  \"answer\": [\n    0,\n    1,\n    1\n  ]\n}\n"),
    ] {
        let answer = script(&running, "?count=3", with).await;
        assert_eq!(answer.body, body, "{with}");
        assert_eq!(answer.header("vary"), Some("x-requested-with"), "a cache has to know");
    }
    let empty = script(&running, "?count=0", "XMLHttpRequest").await;
    assert_eq!(empty.body, "{\"answer\":[]}\n");
    let refused = script(&running, "?count=-1", "XMLHttpRequest").await;
    assert_eq!(refused.body, format!("{{\"error\":\"{NEGATIVE}\"}}\n"));
    let pretty = list(&running, "?count=-1").await;
    assert_eq!(pretty.body, format!("{{\n  \"error\": \"{NEGATIVE}\"\n}}\n"));
}

/// contract 3.1.10
#[tokio::test]
async fn row_10_other_methods_and_other_paths() {
    let running = Running::bundled(&[]).await;
    for method in ["POST", "PUT", "DELETE", "PATCH", "BREW"] {
        let answer = ask(running.service, method, &format!("{PATH}?count=3"), "").await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD, OPTIONS")), "{method}");
        let error = "The method is not allowed for the requested URL.";
        assert_eq!(answer.json(), json!({ "error": error }), "{method}");
    }
    let options = ask(running.service, "OPTIONS", PATH, "").await;
    assert_eq!((options.status, options.body.as_str()), (200, ""));
    for path in ["/fibonacci/list/", "/fibonacci/api", "/fibonacci", "/fibonacci/list/3"] {
        let answer = get(running.service, &format!("{path}?count=3")).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (404, "{\n  \"error\": \"Not Found\"\n}\n"),
            "{path}"
        );
    }
}

/// contract 3.1.10
#[tokio::test]
async fn row_10_head_is_the_answer_without_its_body() {
    let running = Running::bundled(&[]).await;
    for count in [3, 2000] {
        let path = format!("{PATH}?count={count}");
        let mut connection = Connection::open(running.service).await;
        connection.send(request("HEAD", &path, "")).await;
        let head = connection.head().await.unwrap();
        // On the same connection: a body would be in the way.
        let whole = connection.request("GET", &path, "").await;
        assert_eq!((head.status, whole.status), (200, 200));
        let length = whole.body.len().to_string();
        assert_eq!(head.header("content-length"), Some(length.as_str()), "{count}");
        assert_eq!(head.header("content-type"), Some("application/json"));
    }
}

/// contract 3.1.11, contract 0b.10
#[tokio::test]
async fn row_11_the_docs_are_where_the_document_has_them() {
    let running = Running::bundled(&[]).await;
    for path in ["/", "/fibonacci/docs"] {
        let answer = get(running.service, path).await;
        assert_eq!((answer.status, answer.header("location")), (302, Some("/static/index.html")), "{path}");
    }
    let docs = get(running.service, "/static/index.html").await;
    assert_eq!((docs.status, docs.header("content-type")), (200, Some("text/html; charset=utf-8")));
    // What the page shows, by a script, is this document.
    assert!(docs.body.contains("../openapi/start.js"), "{}", docs.body);
    let start = get(running.service, "/openapi/start.js").await;
    assert!(start.body.contains("../openapi/v3.json"), "{}", start.body);
    let document = get(running.service, "/openapi/v3.json").await.body;
    for part in ["\"/fibonacci/list\"", "ERR_NO_ARG:  'count' argument required to /fibonacci/api"] {
        assert!(document.contains(part), "{part} is not in {document}");
    }
}

/// contract 0b.10, contract 5.3.17
#[tokio::test]
async fn the_root_can_say_who_is_here_instead() {
    let env = [("CHASSIS_HTTP__ROOT", "index"), ("CST_PROJECT_NAME", "user")];
    let running = Running::bundled(&env).await;
    assert_eq!(get(running.service, "/").await.json(), json!({ "code": 0, "data": "user service" }));
    assert_eq!(get(running.service, "/static/index.html").await.status, 200);
}

/// contract 1.9: docs are never queued.
#[tokio::test]
async fn docs_need_no_worker() {
    let env = [("CHASSIS_SERVER__WORKERS", "1"), ("CHASSIS_MESSAGE__DELAY", "60s")];
    let running = Running::bundled(&env).await;
    let mut busy = Connection::open(running.service).await;
    busy.send(request("POST", "/microservice", "{}")).await;
    until(1, async || running.workers.snapshot().busy).await;
    for (path, status) in
        [("/", 302), ("/fibonacci/docs", 302), ("/static/index.html", 200), ("/openapi/", 200)]
    {
        assert_eq!(get(running.service, path).await.status, status, "{path}");
    }
}

/// contract 3.1.12
#[tokio::test]
async fn row_12_a_clients_trace_token_is_in_the_log_and_nowhere_else() {
    let mut process = Process::start("profile: fibonacci").await;
    for (query, status) in [("?count=2", 200), ("?count=J", 403)] {
        let mut connection = Connection::open(process.service).await;
        connection.send(format!("GET {PATH}{query} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
        assert_eq!(connection.answer().await.status, status);
        // The next line of the log is of the request that has a token.
        connection
            .send(format!("GET {PATH}{query} HTTP/1.1\r\nhost: x\r\nApitrace: t-{status}\tx\r\n\r\n"))
            .await;
        let answer = connection.answer().await;
        let line = process.logs("API CALL").await;
        assert!(line.ends_with(&format!(r"API CALL: fibonacci_list_api TRACE: t-{status}\tx")), "{line}");
        assert!(line.contains(answer.header("x-operation-id").unwrap()), "{line}");
        assert!(!format!("{answer:?}").contains(&format!("t-{status}")), "echoed: {answer:?}");
    }
}

/// contract 3.1.13, contract 0b.4
#[tokio::test]
async fn row_13_the_longest_list_has_every_digit_and_one_more_number_is_refused() {
    let running = Running::bundled(&[]).await;
    let answer = list(&running, "?count=10000").await;
    let list_of = numbers(&answer);
    let expected = oracle(10_000);
    // Not `assert_eq`: it would print 20 MB.
    assert!(list_of == expected, "10000 numbers, {} came", list_of.len());
    for count in ["10001", "4294967295", "4294967296", "18446744073709551616", &"9".repeat(1000)] {
        let answer = list(&running, &format!("?count={count}")).await;
        let error = "ERR_OUT_OF_BOUNDS:  'count' must not exceed 10000";
        assert_eq!((answer.status, answer.json()), (403, json!({ "error": error })), "{count}");
    }
}

/// contract 0b.4
#[tokio::test]
async fn the_limit_is_a_setting() {
    let running = Running::bundled(&[("CHASSIS_FIBONACCI__MAX_COUNT", "150")]).await;
    assert_eq!(numbers(&list(&running, "?count=150").await), oracle(150));
    let answer = list(&running, "?count=151").await;
    let error = "ERR_OUT_OF_BOUNDS:  'count' must not exceed 150";
    assert_eq!((answer.status, answer.json()), (403, json!({ "error": error })));
}

#[tokio::test]
async fn many_clients_at_once_get_the_same_list_while_it_is_being_computed() {
    let running = Running::bundled(&[("CHASSIS_SERVER__WORKERS", "8")]).await;
    let counts = [3000, 10, 2999, 150, 3000, 1, 1234, 3000];
    let queries = counts.map(|count| format!("?count={count}"));
    let answers = join_all(queries.iter().map(|query| list(&running, query))).await;
    let expected = oracle(3000);
    for (count, answer) in counts.into_iter().zip(&answers) {
        assert!(numbers(answer) == expected[..count], "{count}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_disturbs_nobody() {
    let running = Running::bundled(&[("CHASSIS_SERVER__WORKERS", "1")]).await;
    for _ in 0..20 {
        let mut connection = Connection::open(running.service).await;
        connection.send(request("GET", &format!("{PATH}?count=5000"), "")).await;
        drop(connection);
    }
    until(0, async || running.workers.snapshot().busy).await;
    assert_eq!(numbers(&list(&running, "?count=5000").await).len(), 5000);
}

#[tokio::test]
async fn a_list_needs_a_worker_like_everything_else() {
    let env = [("CHASSIS_SERVER__WORKERS", "1"), ("CHASSIS_MESSAGE__DELAY", "60s")];
    let running = Running::bundled(&env).await;
    let mut busy = Connection::open(running.service).await;
    busy.send(request("POST", "/microservice", "{}")).await;
    until(1, async || running.workers.snapshot().busy).await;
    let mut waiting = Connection::open(running.service).await;
    waiting.send(request("GET", &format!("{PATH}?count=3"), "")).await;
    until(1, async || running.workers.snapshot().queued).await;
    running.workers.resize(size(2, 1));
    assert_eq!(numbers(&waiting.answer().await), ["0", "1", "1"]);
    let metrics = get(running.admin, "/metrics").await.body;
    let line = r#"chassis_http_requests_total{code="200",method="GET",path="/fibonacci/list"} 1"#;
    assert!(metrics.lines().any(|present| present == line), "{metrics}");
}

/// contract 7.3
#[tokio::test]
async fn each_profile_has_its_routes_and_only_those() {
    for (profile, lists, messages, products) in [
        ("all", 200, 200, 200),
        ("fibonacci", 200, 404, 404),
        ("message", 404, 200, 404),
        ("catalog", 404, 404, 200),
    ] {
        let running = Running::bundled(&[("CHASSIS_PROFILE", profile)]).await;
        assert_eq!(list(&running, "?count=3").await.status, lists, "{profile}");
        let posted = ask(running.service, "POST", "/microservice", "{}").await;
        assert_eq!(posted.status, messages, "{profile}");
        assert_eq!(get(running.service, "/products").await.status, products, "{profile}");
    }
}

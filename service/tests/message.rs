//! Contract 1.1 (`POST /microservice`) and 1.2 (metrics in pull mode).

#![cfg(test)]

mod support;

use serde_json::{Value, json};
use support::{
    http::{Connection, ask, get, post},
    running::Running,
};

const PATH: &str = "/microservice";

fn seconds(value: &Value) -> f64 {
    value.as_str().map_or_else(|| value.as_f64().unwrap(), |text| text.parse().unwrap())
}

/// contract 1.1.1, contract 1.1.4, contract 1.1.5, contract 1.1.6, contract 0b.2
#[tokio::test]
async fn row_1_4_5_6_the_object_comes_back_after_three_members_in_one_line() {
    let running = Running::bundled(&[]).await;
    let answer = post(running.service, PATH, r#"{"hello": "pymicro-flask"}"#).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let value = answer.json();
    let (s_time, e_time) = (&value["pymicro.s_time"], &value["pymicro.e_time"]);
    let expected = format!(
        "{{\"pymicro.s_time\":{s_time},\"pymicro.e_time\":{e_time},\"pymicro.ret\":0,\"hello\":\"pymicro-flask\"}}\n"
    );
    assert_eq!(answer.body, expected);
    assert!(s_time.is_string() && seconds(e_time) >= seconds(s_time), "{value}");
    assert!(s_time.as_str().unwrap().split_once('.').unwrap().1.len() >= 6, "microseconds");
}

/// contract 1.1.2
#[tokio::test]
async fn row_2_the_content_type_is_ignored() {
    let running = Running::bundled(&[]).await;
    for kind in ["application/x-www-form-urlencoded", "text/plain", "application/json; charset=x"] {
        let mut connection = Connection::open(running.service).await;
        let head =
            format!("POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\ncontent-length: 7\r\n\r\n");
        connection.send(head + "{\"a\":1}").await;
        assert_eq!(connection.answer().await.json()["a"], 1, "{kind}");
    }
}

/// contract 1.1.3
#[tokio::test]
async fn row_3_our_members_win() {
    let running = Running::bundled(&[]).await;
    let body = r#"{"pymicro.ret":9,"pymicro.s_time":null,"pymicro.e_time":[],"pymicro.ret":8}"#;
    let answer = post(running.service, PATH, body).await;
    let value = answer.json();
    assert_eq!(answer.body.matches("pymicro.").count(), 3, "each of them once: {}", answer.body);
    assert_eq!(value["pymicro.ret"], 0);
    assert!(value["pymicro.s_time"].is_string() && value["pymicro.e_time"].is_string());
}

/// contract 1.1.4, contract 0b.11
#[tokio::test]
async fn row_4_a_failure_is_a_return_code_and_no_status() {
    let running = Running::bundled(&[("CHASSIS_MESSAGE__FAILURE_RATE", "1.0")]).await;
    let answer = post(running.service, PATH, "{}").await;
    assert_eq!((answer.status, &answer.json()["pymicro.ret"]), (200, &json!(-1)));
}

/// contract 1.1.5, contract 0b.2, contract 0b.11
#[tokio::test]
async fn row_5_times_are_numbers_on_request_and_include_the_delay() {
    let env = [("CHASSIS_MESSAGE__TIME_FORMAT", "number"), ("CHASSIS_MESSAGE__DELAY", "200ms")];
    let running = Running::bundled(&env).await;
    let value = post(running.service, PATH, "{}").await.json();
    assert!(value["pymicro.s_time"].is_number());
    let took = seconds(&value["pymicro.e_time"]) - seconds(&value["pymicro.s_time"]);
    assert!((0.199..5.0).contains(&took), "{took}");
}

/// contract 1.1.6
#[tokio::test]
async fn row_6_other_members_are_preserved_to_the_digit() {
    let running = Running::bundled(&[]).await;
    let body =
        r#"{ "z": {"b": [1.0, 2e5, {"k": null}], "a": 123456789012345678901234567890.5}, "a": "\u00e9\"é" }"#;
    let answer = post(running.service, PATH, body).await;
    let start = r#"{"pymicro.s_time":"#;
    let end = r#","pymicro.ret":0,"a":"\u00e9\"é","z":{"a":123456789012345678901234567890.5,"b":[1.0,2e5,{"k":null}]}}"#;
    assert!(answer.body.starts_with(start) && answer.body.trim_end().ends_with(end), "{}", answer.body);
}

/// contract 1.1.7, contract 1.1.8, contract 1.1.12
#[tokio::test]
async fn row_7_8_12_what_is_not_an_object_is_refused() {
    let running = Running::bundled(&[]).await;
    let cases: [(&[u8], &str); 16] = [
        (b"hello", "input should be JSON object"),
        (b"", "input should be JSON object"),
        (b"\xff\xfe", "input should be JSON object"),
        (b"{\"a\":\"\xff\"}", "input should be JSON object"),
        (b"null", "input should be JSON object"),
        (b"{\"a\":1", "input should be JSON object"),
        (b"{\"a\":1}{}", "input should be JSON object"),
        (b"{'a':1}", "input should be JSON object"),
        (b"{\"a\":NaN}", "input should be JSON object"),
        (b"{\"a\":-Infinity}", "input should be JSON object"),
        (b"NaN", "input should be JSON object"),
        (b"[1]", "input should be single JSON object"),
        (b"[{\"a\":1}]", "input should be single JSON object"),
        (b"\"x\"", "input should be single JSON object"),
        (b"12", "input should be single JSON object"),
        (b"true", "input should be single JSON object"),
    ];
    for (body, message) in cases {
        let mut connection = Connection::open(running.service).await;
        connection
            .send(format!("POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len()))
            .await;
        connection.send(body).await;
        let answer = connection.answer().await;
        let shown = String::from_utf8_lossy(body);
        assert_eq!((answer.status, answer.json()), (400, json!({ "message": message })), "{shown}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{shown}");
    }
}

/// contract 1.1.10
#[tokio::test]
async fn row_10_other_methods_are_405_and_listed() {
    let running = Running::bundled(&[]).await;
    for method in ["GET", "PUT", "DELETE", "PATCH", "BREW"] {
        let answer = ask(running.service, method, PATH, "").await;
        let message = json!({ "message": "The method is not allowed for the requested URL." });
        assert_eq!((answer.status, answer.json()), (405, message), "{method}");
        assert_eq!(answer.header("allow"), Some("POST, OPTIONS"), "{method}");
    }
    let options = ask(running.service, "OPTIONS", PATH, "").await;
    assert_eq!((options.status, options.header("allow")), (200, Some("POST, OPTIONS")));
}

/// contract 1.1.11, contract 1.2.18
#[tokio::test]
async fn row_11_unknown_paths_are_404_in_json() {
    let running = Running::bundled(&[]).await;
    for path in ["/microservice/", "/nothing", "/metrics/anything"] {
        let answer = post(running.service, path, "{}").await;
        assert_eq!((answer.status, answer.json()), (404, json!({ "message": "Not Found" })), "{path}");
    }
}

/// contract 1.2.13, contract 1.2.14, contract 1.2.15, contract 0b.3, contract 1.2.17
#[tokio::test]
async fn row_13_14_15_every_post_is_counted_and_return_codes_only_where_there_is_one() {
    let running = Running::bundled(&[]).await;
    for body in ["{}", "{}", "nothing", "[]"] {
        post(running.service, PATH, body).await;
    }
    get(running.service, PATH).await;
    for address in [running.service, running.admin] {
        let answer = get(address, "/metrics").await;
        assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        for line in [
            "# HELP pymicro_req_total Request count",
            "# TYPE pymicro_req_total counter",
            "pymicro_req_total 4",
            "# HELP pymicro_ret_req_total Request return code count",
            "pymicro_ret_req_total{pymicro_ret=\"0\"} 2",
            "pymicro_ret_req_total{pymicro_ret=\"-1\"} 0",
            "chassis_http_requests_total{code=\"200\",method=\"POST\",path=\"/microservice\"} 2",
            "chassis_http_requests_total{code=\"400\",method=\"POST\",path=\"/microservice\"} 2",
            "chassis_http_requests_total{code=\"405\",method=\"GET\",path=\"/microservice\"} 1",
            "chassis_workers 4",
            "chassis_queue_limit 40",
            "chassis_queue_wait_seconds_count 4",
        ] {
            assert!(answer.body.lines().any(|present| present == line), "{line} is not in\n{}", answer.body);
        }
        assert!(answer.body.contains("process_resident_memory_bytes"));
    }
}

//! Contract section 6: each router answers in its own envelope, whoever gives the answer. The lines of 4.3 and 5.1
//! that need no feature.

#![cfg(test)]

mod support;

use std::{collections::BTreeSet, time::Duration};

use axum::{
    extract::Path,
    http::StatusCode,
    routing::{get, post},
};
use chassis::{
    App, Data, Envelope, Routes,
    answer::{Failure, Fault, ServiceError},
};
use serde_json::{Value, json};
use support::{
    http::{Answer, Connection, ask, coded, get as fetch, request},
    running::Running,
};
use tokio::time::sleep;

type Result<T = Data<String>> = std::result::Result<T, ServiceError>;

async fn refuse() -> Result {
    let fault = Fault::new("must not be empty").at("name");
    Err(Failure::new(StatusCode::BAD_REQUEST).fault(fault).fault(Fault::new("odd")).into())
}

async fn fail() -> Result {
    let failure = Failure::new(StatusCode::INTERNAL_SERVER_ERROR);
    Err(failure.message("msg").code("10500").detail("internal error").into())
}

async fn panic() -> Result {
    panic!("secret")
}

async fn slow() -> Result {
    sleep(Duration::from_mins(1)).await;
    Ok(Data::new(String::new()))
}

async fn noted() -> Data<Vec<u32>> {
    Data::new(vec![1, 2]).status(StatusCode::CREATED).meta("sorting", json!("age"))
}

async fn say(Path(word): Path<String>) -> Data<String> {
    Data::new(word)
}

/// The same handlers below `/NAME`.
fn routes(name: &str, envelope: Envelope) -> Routes {
    Routes::new(envelope)
        .route(&format!("/{name}/say/{{word}}"), get(say))
        .route(&format!("/{name}/noted"), get(noted))
        .route(&format!("/{name}/refuse"), get(refuse))
        .route(&format!("/{name}/fail"), get(fail))
        .route(&format!("/{name}/panic"), get(panic))
        .route(&format!("/{name}/slow"), get(slow))
        .route(&format!("/{name}/post"), post(async || Data::new(())))
}

async fn all_policies() -> Running {
    let app = App::new()
        .unwrap()
        .mount(routes("raw", Envelope::Raw))
        .mount(routes("error", Envelope::RawError))
        .mount(routes("meta", Envelope::Meta))
        .mount(routes("code", Envelope::Code));
    Running::with(&[("CHASSIS_SERVER__TIMEOUT", "300ms"), ("CHASSIS_SERVER__MAX_BODY", "16")], app).await
}

/// Status and body; the operation id is replaced by `ID` where it is the one of the answer's header.
fn spelt(answer: &Answer) -> (u16, String) {
    let id = answer.header("x-operation-id").unwrap();
    (answer.status, answer.body.replace(id, "ID"))
}

/// contract 4.3.10, contract 4.3.11, contract 4.3.15, contract 5.1.1, contract 5.1.2, contract 0b.1
#[tokio::test]
async fn data_is_wrapped_as_the_router_has_it() {
    let running = all_policies().await;
    for (path, body) in [
        ("/raw/say/x", "\"x\"\n"),
        ("/error/say/x", "\"x\"\n"),
        ("/meta/say/x", "{\"meta\":{\"operation_id\":\"ID\"},\"data\":\"x\"}\n"),
        ("/code/say/x", "{\"code\":0,\"data\":\"x\"}\n"),
    ] {
        let answer = fetch(running.service, path).await;
        assert_eq!(spelt(&answer), (200, body.to_owned()), "{path}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{path}");
    }
    for (path, body) in [
        ("/raw/noted", "[1,2]\n"),
        ("/error/noted", "[\n  1,\n  2\n]\n"),
        ("/meta/noted", "{\"meta\":{\"operation_id\":\"ID\",\"sorting\":\"age\"},\"data\":[1,2]}\n"),
        ("/code/noted", "{\"code\":0,\"data\":[1,2],\"sorting\":\"age\"}\n"),
    ] {
        assert_eq!(spelt(&fetch(running.service, path).await), (201, body.to_owned()), "{path}");
    }
}

/// contract 4.3.10
#[tokio::test]
async fn the_id_in_meta_is_a_uuid_4_and_another_one_each_time() {
    let running = all_policies().await;
    let mut seen = BTreeSet::new();
    for _ in 0..20 {
        let id = fetch(running.service, "/meta/say/x").await.json()["meta"]["operation_id"].clone();
        let id = id.as_str().unwrap().to_owned();
        assert_eq!(
            (id.len(), id.as_bytes()[14], b"89ab".contains(&id.as_bytes()[19])),
            (36, b'4', true),
            "{id}"
        );
        assert!(seen.insert(id));
    }
}

/// contract 4.3.12, contract 5.1.4, contract 0b.1
#[tokio::test]
async fn what_a_handler_refuses_is_spelt_as_the_router_has_it() {
    let running = all_policies().await;
    for (path, status, body) in [
        ("/raw/refuse", 400, json!({"message": "must not be empty; odd"})),
        ("/error/refuse", 400, json!({"error": "must not be empty; odd"})),
        (
            "/meta/refuse",
            400,
            json!({"meta": {"operation_id": "ID"}, "errors": [{"message": "must not be empty", "path": "name"}, {"message": "odd"}]}),
        ),
        ("/code/refuse", 400, coded(400, "must not be empty; odd")),
        ("/raw/fail", 500, json!({"message": "msg"})),
        ("/error/fail", 500, json!({"error": "msg"})),
        ("/meta/fail", 500, json!({"meta": {"operation_id": "ID"}, "errors": [{"message": "msg"}]})),
        ("/code/fail", 500, json!({"message": "msg", "code": "10500", "error": "internal error"})),
    ] {
        let answer = fetch(running.service, path).await;
        let (got, text) = spelt(&answer);
        assert_eq!((got, serde_json::from_str::<Value>(&text).unwrap()), (status, body), "{path}");
    }
}

/// contract 4.3.13, contract 5.1.8, contract 3.1.6, contract 0b.1
#[tokio::test]
async fn a_panic_is_a_500_in_the_dialect_of_its_router_and_says_nothing() {
    let running = all_policies().await;
    let text = "Internal Server Error";
    for (path, body) in [
        ("/raw/panic", json!({"message": text})),
        ("/error/panic", json!({"error": text})),
        ("/meta/panic", json!({"message": text})),
        ("/code/panic", json!({"message": text, "code": 100_001})),
    ] {
        let answer = fetch(running.service, path).await;
        assert_eq!((answer.status, answer.json()), (500, body), "{path}");
    }
}

/// contract 4.3.16, contract 5.1.6, contract 5.1.8, contract 0b.1
#[tokio::test]
async fn unknown_paths_and_methods_are_refused_in_the_dialect_of_the_router_they_belong_to() {
    let running = all_policies().await;
    let method = "The method is not allowed for the requested URL.";
    for (path, not_found, not_allowed) in [
        ("/raw", json!({"message": "Not Found"}), json!({"message": method})),
        ("/error", json!({"error": "Not Found"}), json!({"error": method})),
        ("/meta", json!({"message": "Not Found"}), json!({"message": method})),
        (
            "/code",
            json!({"message": "Requested URL http://test/code/unknown?a=1 not found"}),
            coded(405, method),
        ),
    ] {
        let answer = fetch(running.service, &format!("{path}/unknown?a=1")).await;
        assert_eq!((answer.status, answer.json()), (404, not_found), "{path}");
        let answer = ask(running.service, "DELETE", &format!("{path}/noted"), "").await;
        assert_eq!((answer.status, answer.json()), (405, not_allowed), "{path}");
        assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"));
    }
    let outside = fetch(running.service, "/unknown").await;
    assert_eq!((outside.status, outside.json()), (404, json!({"message": "Not Found"})));
}

#[tokio::test]
async fn the_limits_of_the_chassis_speak_the_dialect_too() {
    let running = all_policies().await;
    let (late, large) = ("Gateway Timeout", "The request body is larger than 16 bytes");
    for (path, timeout, too_large) in [
        ("/raw", json!({"message": late}), json!({"message": large})),
        ("/error", json!({"error": late}), json!({"error": large})),
        ("/meta", json!({"message": late}), json!({"message": large})),
        ("/code", coded(504, late), coded(413, large)),
    ] {
        let answer = fetch(running.service, &format!("{path}/slow")).await;
        assert_eq!((answer.status, answer.json()), (504, timeout), "{path}");
        let answer = ask(running.service, "POST", &format!("{path}/post"), &"x".repeat(17)).await;
        assert_eq!((answer.status, answer.json()), (413, too_large), "{path}");
    }
}

/// contract 5.1.7
#[tokio::test]
async fn a_body_that_does_not_come_is_a_request_timeout_without_a_code() {
    let running = all_policies().await;
    let mut connection = Connection::open(running.service).await;
    connection.send("POST /code/post HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{").await;
    let answer = connection.answer().await;
    assert_eq!((answer.status, answer.json()), (408, json!({"message": "Request Timeout"})));
}

/// contract 5.2.11
#[tokio::test]
async fn options_is_answered_with_code_0_on_every_path_of_such_a_router() {
    let running = all_policies().await;
    for path in ["/code/noted", "/code/unknown", "/code"] {
        let answer = ask(running.service, "OPTIONS", path, "").await;
        assert_eq!((answer.status, answer.json()), (200, json!({"code": 0})), "{path}");
    }
    for path in ["/raw/noted", "/error/noted", "/meta/noted"] {
        let answer = ask(running.service, "OPTIONS", path, "").await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{path}");
    }
}

/// contract 5.2.10
#[tokio::test]
async fn every_answer_says_what_pages_of_other_origins_may_do_if_it_is_set() {
    let app = || App::new().unwrap().mount(routes("code", Envelope::Code));
    let env = [
        ("ACCESS_CONTROL_ALLOW_ORIGIN", "*"),
        ("ACCESS_CONTROL_ALLOW_HEADERS", "Content-Type"),
        ("ACCESS_CONTROL_ALLOW_METHODS", "POST, PUT, DELETE, GET"),
    ];
    let running = Running::with(&env, app()).await;
    for (method, path, status) in [
        ("GET", "/code/noted", 201),
        ("GET", "/code/refuse", 400),
        ("GET", "/unknown", 404),
        ("DELETE", "/code/noted", 405),
        ("OPTIONS", "/code/unknown", 200),
    ] {
        let answer = ask(running.service, method, path, "").await;
        assert_eq!(answer.status, status, "{method} {path}");
        for (name, value) in env {
            let name = name.to_ascii_lowercase().replace('_', "-");
            assert_eq!(answer.header(&name), Some(value), "{method} {path}");
        }
    }
    let silent = Running::with(&env[1..2], app()).await;
    let answer = fetch(silent.service, "/code/noted").await;
    assert_eq!(answer.header("access-control-allow-headers"), Some("Content-Type"));
    assert_eq!(answer.header("access-control-allow-origin"), None, "empty ones are no CORS");
}

/// contract 5.1.3, contract 4.1.5
#[tokio::test]
async fn what_is_no_data_passes_unwrapped() {
    let app =
        App::new().unwrap().mount(Routes::new(Envelope::Code).route("/code/file", get(async || "text")));
    let running = Running::with(&[], app).await;
    assert_eq!(fetch(running.service, "/code/file").await.body, "text");
    assert!(fetch(running.service, "/status").await.json()["name"].is_string());
}

/// contract 3.1.9, as the policy for it has errors
#[tokio::test]
async fn an_indented_error_names_what_a_cache_has_to_look_at() {
    let running = all_policies().await;
    let mut connection = Connection::open(running.service).await;
    connection.send(request("GET", "/error/unknown", "")).await;
    let answer = connection.answer().await;
    assert_eq!(answer.body, "{\n  \"error\": \"Not Found\"\n}\n");
    assert_eq!(answer.header("vary"), Some("x-requested-with"));
    connection
        .send("GET /error/unknown HTTP/1.1\r\nhost: x\r\nx-requested-with: XMLHttpRequest\r\n\r\n")
        .await;
    assert_eq!(connection.answer().await.body, "{\"error\":\"Not Found\"}\n");
}

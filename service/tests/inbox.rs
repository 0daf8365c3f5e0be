//! `POST /` of the profile `quickstart`.

#![cfg(test)]

mod support;

use serde_json::json;
use support::{
    http::{Connection, get, post},
    running::Running,
    slack::{Slack, TOKEN},
};

/// contract 2.1.1
#[tokio::test]
async fn a_post_is_answered_with_204_and_other_methods_as_before() {
    for profile in ["quickstart", "all"] {
        let running = Running::bundled(&[("CHASSIS_PROFILE", profile)]).await;
        let mut connection = Connection::open(running.service).await;
        for body in ["", "{}", "hello", "[1]", "{\"message\": \"hello\"}"] {
            let answer = connection.request("POST", "/", body).await;
            assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{body}");
        }
        assert_eq!(get(running.service, "/").await.status, 302);
        let put = connection.request("PUT", "/", "").await;
        assert_eq!((put.status, put.header("allow")), (405, Some("GET, HEAD, POST, OPTIONS")));
    }
    let without = Running::bundled(&[("CHASSIS_PROFILE", "message")]).await;
    assert_eq!(post(without.service, "/", "").await.status, 405);
    let index = [("CHASSIS_PROFILE", "quickstart"), ("CHASSIS_HTTP__ROOT", "index")];
    let index = Running::bundled(&index).await;
    assert_eq!(get(index.service, "/").await.json(), json!({ "code": 0, "data": "Microservice service" }));
    assert_eq!(post(index.service, "/", "").await.status, 204);
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused() {
    let slack = Slack::start().await;
    slack.refuses(Some("fatal_error"));
    let data = tempfile::tempdir().unwrap();
    let url = slack.section()["url"].as_str().unwrap().to_owned();
    let running = Running::bundled(&[
        ("CHASSIS_STORAGE__DATA_DIR", data.path().to_str().unwrap()),
        ("CHASSIS_NOTIFY__MAX_SIZE", "128Ki"),
        ("CHASSIS_NOTIFY__SLACK__ENABLED", "true"),
        ("CHASSIS_NOTIFY__SLACK__URL", &url),
        ("CHASSIS_NOTIFY__SLACK__TOKEN", TOKEN),
    ])
    .await;
    let mut connection = Connection::open(running.service).await;
    let length = "content-length: 2\r\n";
    connection.send(format!("POST / HTTP/1.1\r\nhost: x\r\n{length}\r\n").into_bytes()).await;
    connection.send([0xC3, 0x28]).await;
    let answer = connection.answer().await;
    assert_eq!((answer.status, answer.message().as_str()), (400, "input should be text"));
    let long = "x".repeat(65537);
    let answer = post(running.service, "/", &long).await;
    assert_eq!((answer.status, answer.message().as_str()), (413, "the message is longer than 65536 bytes"));
    let mut taken = 0;
    let refused = loop {
        match connection.request("POST", "/", &long[..20000]).await {
            answer if answer.status == 204 => taken += 1,
            answer => break answer,
        }
    };
    assert!(taken > 2, "{taken}");
    assert_eq!((refused.status, refused.message().as_str()), (503, "too many messages wait to be sent"));
    assert_eq!(refused.header("retry-after"), Some("1"));
}

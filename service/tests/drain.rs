//! The end of the program: SIGTERM finishes what was accepted.

#![cfg(test)]

mod support;

use std::time::Duration;

use serde_json::json;
use support::{
    http::{Connection, get, request},
    process::Process,
    until,
};

async fn load(process: &Process, busy: u32, queued: u32) {
    until((json!(busy), json!(queued)), async || {
        let workers = process.workers().await;
        (workers["busy"].clone(), workers["queued"].clone())
    })
    .await;
}

async fn begin(process: &Process) -> Connection {
    let mut connection = Connection::open(process.service).await;
    connection.send(request("POST", "/microservice", "{}")).await;
    connection
}

#[tokio::test]
async fn sigterm_finishes_what_is_in_hand_and_queued_and_exits_0() {
    let mut process = Process::start("server: {workers: 1}\nmessage: {delay: 500ms}").await;
    let mut idle = Connection::open(process.service).await;
    assert_eq!(idle.request("GET", "/status", "").await.status, 200);
    let mut accepted = vec![begin(&process).await];
    load(&process, 1, 0).await;
    accepted.push(begin(&process).await);
    load(&process, 1, 1).await;

    process.signal("TERM").await;
    until(503, async || get(process.admin, "/readyz").await.status).await;
    assert_eq!(
        get(process.admin, "/readyz").await.json(),
        json!({ "ready": false, "reasons": ["draining"] })
    );
    assert_eq!(get(process.admin, "/livez").await.status, 200);
    assert!(idle.is_closed().await, "an idle connection is closed");
    until(true, async || tokio::net::TcpStream::connect(process.service).await.is_err()).await;

    for mut connection in accepted {
        let answer = connection.answer().await;
        assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
        assert!(connection.is_closed().await);
    }
    assert_eq!(process.exit_code().await, Some(0));
    process.logs("every request is answered").await;
}

#[tokio::test]
async fn a_connection_that_was_just_opened_may_still_send_its_request() {
    let mut process = Process::start("").await;
    let mut idle = Connection::open(process.service).await;
    assert_eq!(idle.request("GET", "/status", "").await.status, 200);
    let mut opened = Connection::open(process.service).await;
    process.signal("INT").await;
    assert!(idle.is_closed().await);
    // A request on its way takes a while; well below the second that such a connection has.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let answer = opened.request("POST", "/microservice", "{}").await;
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    assert_eq!(process.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_request_that_is_being_received_is_finished() {
    let mut process = Process::start("").await;
    let mut connection = Connection::open(process.service).await;
    assert_eq!(connection.request("GET", "/status", "").await.status, 200);
    connection.send("POST /microservice HTTP/1.1\r\nhost: x\r\ncontent-le").await;
    process.signal("TERM").await;
    process.logs("shutting down").await;
    connection.send("ngth: 2\r\n\r\n{}").await;
    assert_eq!(connection.answer().await.status, 200);
    assert_eq!(process.exit_code().await, Some(0));
}

#[tokio::test]
async fn the_drain_has_a_limit() {
    let mut process = Process::start("server: {drain_timeout: 200ms}\nmessage: {delay: 50s}").await;
    let mut cut = begin(&process).await;
    load(&process, 1, 0).await;
    process.signal("TERM").await;
    process.logs("1 connections were cut off").await;
    assert!(cut.is_closed().await);
    assert_eq!(process.exit_code().await, Some(1));
}

#[tokio::test]
async fn a_client_that_does_not_read_does_not_hold_the_drain() {
    let limits = "server: {write_timeout: 200ms, drain_timeout: 1h}";
    let mut process = Process::start(limits).await;
    let mut deaf = Connection::open(process.service).await;
    deaf.send(request("GET", "/fibonacci/list?count=10000", "")).await;
    assert_eq!(deaf.head().await.unwrap().status, 200);
    process.signal("TERM").await;
    assert_eq!(process.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_second_signal_does_not_wait() {
    let mut process = Process::start("server: {drain_timeout: 1h}\nmessage: {delay: 50s}").await;
    let _cut = begin(&process).await;
    load(&process, 1, 0).await;
    process.signal("TERM").await;
    process.logs("shutting down").await;
    process.signal("TERM").await;
    assert_eq!(process.exit_code().await, Some(1));
}

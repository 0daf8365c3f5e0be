//! Worker slots and their queue (contract 1.9), seen from inside a handler.

#![cfg(test)]

mod support;

use std::{sync::Arc, time::Duration};

use axum::routing::post;
use chassis::App;
use serde_json::json;
use support::{
    gate::Gate,
    http::{Answer, Connection, get, post as send},
    running::{Running, size},
    soon, until,
};
use tokio::task::{JoinHandle, JoinSet};

async fn with_gate(env: &[(&str, &str)]) -> (Arc<Gate>, Running) {
    let gate = Gate::closed();
    let running = Running::with(env, App::new().unwrap().route("/gate", gate.route())).await;
    (gate, running)
}

/// Sends a request in the background.
fn begin(running: &Running, body: impl Into<String>) -> JoinHandle<Answer> {
    let (address, body) = (running.service, body.into());
    tokio::spawn(async move { send(address, "/gate", &body).await })
}

async fn queued(running: &Running, count: u32) {
    until(count, async || running.workers.snapshot().queued).await;
}

/// contract 0b.12
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_times_the_load_never_exceeds_the_slots_and_uses_all_of_them() {
    let gate = Gate::closed();
    let inside = Arc::clone(&gate);
    let handler = post(async move || {
        let _inside = inside.enter();
        tokio::time::sleep(Duration::from_millis(1)).await;
    });
    let env = [("WEB_CONCURRENCY", "3"), ("PYMICRO_GEVENT", "2")];
    let running = Running::with(&env, App::new().unwrap().route("/work", handler)).await;
    let mut clients = JoinSet::new();
    for _ in 0..60 {
        let address = running.service;
        clients.spawn(async move {
            let mut connection = Connection::open(address).await;
            for _ in 0..20 {
                assert_eq!(connection.request("POST", "/work", "").await.status, 200);
            }
        });
    }
    clients.join_all().await;
    assert_eq!(gate.take_most(), 6);
    assert_eq!(running.workers.snapshot().busy, 0);
}

#[tokio::test]
async fn waiting_requests_are_served_in_the_order_they_came() {
    let (gate, running) = with_gate(&[("WEB_CONCURRENCY", "1")]).await;
    let mut answers = vec![begin(&running, "first")];
    until(1, async || gate.inside()).await;
    for position in 1..=10 {
        answers.push(begin(&running, position.to_string()));
        queued(&running, position).await;
    }
    gate.let_out(11);
    for answer in answers {
        assert_eq!(soon("an answer", answer).await.unwrap().status, 200);
    }
    let expected: Vec<String> =
        std::iter::once("first".to_owned()).chain((1..=10).map(|position| position.to_string())).collect();
    assert_eq!(gate.begun(), expected);
}

/// contract 0b.12, contract 0b.14
#[tokio::test]
async fn a_full_queue_answers_503_at_once_and_what_is_never_queued_still_works() {
    let (gate, running) = with_gate(&[("WEB_CONCURRENCY", "1")]).await;
    let answers: Vec<_> = (0..11).map(|number| begin(&running, number.to_string())).collect();
    queued(&running, 10).await;
    let refused = send(running.service, "/gate", "one too many").await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert_eq!(refused.message(), "All workers are busy and the queue is full");
    for path in ["/status", "/metrics"] {
        assert_eq!(get(running.service, path).await.status, 200, "{path}");
    }
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(get(running.admin, path).await.status, 200, "{path}");
    }
    assert_eq!(get(running.service, "/gate").await.status, 405, "needs no worker either");
    assert_eq!(
        get(running.admin, "/workers").await.json(),
        json!({ "workers": 1, "requestsPerWorker": 1, "busy": 1, "queued": 10, "queueLimit": 10 })
    );
    let metrics = get(running.admin, "/metrics").await.body;
    for line in [
        "chassis_requests_in_flight 1",
        "chassis_queue_length 10",
        "chassis_requests_rejected_total{reason=\"queue_full\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
    gate.let_out(11);
    for answer in answers {
        assert_eq!(soon("an answer", answer).await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn a_request_that_waits_past_its_deadline_gets_503() {
    let env = [("WEB_CONCURRENCY", "1"), ("CHASSIS_SERVER__TIMEOUT", "300ms")];
    let (gate, running) = with_gate(&env).await;
    let hung = begin(&running, "hung");
    until(1, async || gate.inside()).await;
    // The second gets the worker when the first is cancelled, the third waits longer than it may.
    let second = begin(&running, "second");
    queued(&running, 1).await;
    let third = begin(&running, "third");
    let [hung, second, third] = [hung.await.unwrap(), second.await.unwrap(), third.await.unwrap()];
    assert_eq!((hung.status, second.status), (504, 504));
    assert_eq!((third.status, third.header("retry-after")), (503, Some("1")));
    assert_eq!(third.message(), "No worker became free in time");
    assert_eq!(gate.begun(), ["hung", "second"]);
    let metrics = get(running.admin, "/metrics").await.body;
    assert!(metrics.contains("chassis_requests_rejected_total{reason=\"deadline\"} 1"), "{metrics}");
}

#[tokio::test]
async fn a_client_that_leaves_frees_its_place_in_the_queue_and_its_worker() {
    let (gate, running) = with_gate(&[("WEB_CONCURRENCY", "1")]).await;
    let mut working = Connection::open(running.service).await;
    working.send(support::http::request("POST", "/gate", "working")).await;
    until(1, async || gate.inside()).await;
    let mut waiting = Connection::open(running.service).await;
    waiting.send(support::http::request("POST", "/gate", "waiting")).await;
    queued(&running, 1).await;
    drop(waiting);
    queued(&running, 0).await;
    drop(working);
    until(0, async || gate.inside()).await;
    assert_eq!(running.workers.snapshot().busy, 0);
    assert_eq!(gate.begun(), ["working"], "nobody waits for the other answer any more");
}

#[tokio::test]
async fn a_client_that_sends_slowly_holds_no_worker() {
    let (gate, running) = with_gate(&[("WEB_CONCURRENCY", "1")]).await;
    let mut slow = Connection::open(running.service).await;
    slow.send("POST /gate HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nsl").await;
    gate.let_out(2);
    assert_eq!(send(running.service, "/gate", "fast").await.status, 200);
    slow.send("ow").await;
    assert_eq!(slow.answer().await.body, "slow");
}

#[tokio::test]
async fn growing_lets_waiting_requests_in_at_once() {
    let (gate, running) = with_gate(&[("WEB_CONCURRENCY", "1")]).await;
    let answers: Vec<_> = (0..6).map(|number| begin(&running, number.to_string())).collect();
    queued(&running, 5).await;
    running.workers.resize(size(2, 2));
    until(4, async || gate.inside()).await;
    queued(&running, 2).await;
    gate.let_out(6);
    for answer in answers {
        assert_eq!(soon("an answer", answer).await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn shrinking_cuts_nothing_off_and_takes_effect_as_requests_end() {
    let (gate, running) = with_gate(&[("WEB_CONCURRENCY", "4")]).await;
    let answers: Vec<_> = (0..8).map(|number| begin(&running, number.to_string())).collect();
    until(4, async || gate.inside()).await;
    queued(&running, 4).await;
    running.workers.resize(size(1, 1));
    assert_eq!(gate.inside(), 4, "nobody is thrown out");
    gate.let_out(3);
    until(1, async || gate.inside()).await;
    queued(&running, 4).await;
    gate.take_most();
    gate.let_out(5);
    for answer in answers {
        assert_eq!(soon("an answer", answer).await.unwrap().status, 200);
    }
    assert!(gate.take_most() <= 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resizing_up_and_down_under_load_loses_no_request() {
    let gate = Gate::closed();
    let inside = Arc::clone(&gate);
    let handler = post(async move |body: String| {
        let _inside = inside.enter();
        tokio::time::sleep(Duration::from_millis(1)).await;
        body
    });
    let running = Running::with(&[], App::new().unwrap().route("/work", handler)).await;
    let mut clients = JoinSet::new();
    for client in 0..30 {
        let address = running.service;
        clients.spawn(async move {
            let mut connection = Connection::open(address).await;
            for number in 0..100 {
                let body = format!("{client}/{number}");
                let answer = connection.request("POST", "/work", &body).await;
                assert_eq!((answer.status, answer.body), (200, body));
            }
        });
    }
    // At least three, so that the queue has room for every client.
    for workers in [3, 16, 5, 1024, 4, 7, 3].into_iter().cycle() {
        running.workers.resize(size(workers, 1));
        let slots = usize::try_from(workers).unwrap();
        until(true, async || running.workers.snapshot().busy <= workers).await;
        gate.take_most();
        tokio::time::sleep(Duration::from_millis(5)).await;
        let most = gate.take_most();
        assert!(most <= slots, "{most} inside of {slots}");
        while let Some(client) = clients.try_join_next() {
            client.unwrap();
        }
        if clients.is_empty() {
            break;
        }
    }
}

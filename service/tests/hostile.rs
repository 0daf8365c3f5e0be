//! Clients that are slow, deaf or many, against the program itself: good clients are served, memory has a bound, and
//! the end comes in time. `make hostile` runs it with thousands of them.

#![cfg(test)]

mod support;

use std::net::SocketAddr;

use serde_json::json;
use support::{
    http::{Connection, get, post, request},
    parts::Nginx,
    process::Process,
    until,
};
use tokio::task::JoinSet;

/// How many there are of each kind.
#[derive(Clone, Copy)]
struct Crowd {
    idle: usize,
    partial_bodies: usize,
    others: usize,
}

const SHORT: Crowd = Crowd { idle: 300, partial_bodies: 100, others: 30 };
/// nginx keeps whole answers on the disk for clients that do not read them.
const BEHIND_NGINX: Crowd = Crowd { idle: 300, partial_bodies: 100, others: 4 };
const LONG: Crowd = Crowd { idle: 5000, partial_bodies: 1000, others: 50 };

/// The whole crowd may make the program so much larger than it was: about 24 KiB a connection, the budget for bodies
/// and what answers are made in.
fn memory(crowd: Crowd) -> u64 {
    let Crowd { idle, partial_bodies, others } = crowd;
    let connections = u64::try_from(idle + partial_bodies + 5 * others).unwrap();
    (40 << 10) + connections * 24 + u64::try_from(partial_bodies).unwrap() * 64
}

const LIMITS: &str = "server: {workers: 16, read_timeout: 60s, write_timeout: 60s, keep_alive: 90s, drain_timeout: 2s, \
    max_body: 1Mi, body_budget: 8Mi}\nmessage: {delay: 0s}";

/// Opens all of `crowd`; what is kept keeps its connections open.
async fn gather(address: SocketAddr, crowd: Crowd) -> Vec<Connection> {
    let head = format!("POST /microservice HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", 1 << 20);
    let part = head.clone() + &"x".repeat(500 << 10);
    let fibonacci = request("GET", "/fibonacci/list?count=10000", "");
    let kinds = [
        (crowd.idle, String::new()),
        (crowd.partial_bodies, part),
        // A slow header, a slow body, one that does not read, one that asks on without reading.
        (crowd.others, "POST /microservice HTTP/1.1\r\nhost: x\r\nx-slow: ".to_owned()),
        (crowd.others, head + "x"),
        (crowd.others, fibonacci.clone()),
        (crowd.others, fibonacci.repeat(20)),
    ];
    let mut opening = JoinSet::new();
    for (count, bytes) in kinds {
        for _ in 0..count {
            let bytes = bytes.clone();
            opening.spawn(async move {
                let mut connection = Connection::open(address).await;
                // A refusal may come before the last byte has left.
                _ = connection.try_send(&bytes).await;
                connection
            });
        }
    }
    let mut all = opening.join_all().await;
    for _ in 0..crowd.others {
        // Half-closed: has sent its request and will send no more.
        let mut connection = Connection::open(address).await;
        connection.send(&fibonacci).await;
        connection.end().await;
        all.push(connection);
    }
    all
}

async fn withstands(mut process: Process, address: SocketAddr, crowd: Crowd) {
    assert_eq!(post(address, "/microservice", "{}").await.status, 200);
    let before = process.status("VmRSS");
    let crowd_of = gather(address, crowd).await;
    // What they have asked for is computed, and waits to be read.
    until((json!(0), json!(0)), async || {
        let workers = process.workers().await;
        (workers["busy"].clone(), workers["queued"].clone())
    })
    .await;
    // Good clients, old connections and new ones, while the crowd is there.
    let mut old = Connection::open(address).await;
    for number in 0..100 {
        let body = json!({ "number": number }).to_string();
        let answer = old.request("POST", "/microservice", &body).await;
        assert_eq!((answer.status, answer.json()["number"].as_i64()), (200, Some(number)));
        assert_eq!(post(address, "/microservice", &body).await.status, 200);
        assert_eq!(get(process.admin, "/livez").await.status, 200);
    }
    let grown = process.status("VmHWM").saturating_sub(before);
    let bound = memory(crowd);
    assert!(grown < bound, "grew by {grown} KiB, {bound} at most");
    // The crowd does not leave, and the end comes at the limit all the same.
    process.signal("TERM").await;
    process.logs("shutting down").await;
    assert!(process.exit_code().await.is_some());
    drop(crowd_of);
}

#[tokio::test]
async fn a_crowd_of_hostile_clients_costs_good_ones_nothing_but_time() {
    let process = Process::start(LIMITS).await;
    let address = process.service;
    withstands(process, address, SHORT).await;
}

#[tokio::test]
async fn nor_does_it_behind_nginx() {
    let process = Process::start(LIMITS).await;
    let Some(nginx) = Nginx::start(process.service).await else { return };
    withstands(process, nginx.address, BEHIND_NGINX).await;
}

/// `make hostile`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "thousands of connections"]
async fn thousands_of_hostile_clients_cost_good_ones_nothing_but_time() {
    let process = Process::start(LIMITS).await;
    let address = process.service;
    withstands(process, address, LONG).await;
}

#[tokio::test]
async fn probes_are_answered_when_descriptors_have_run_out() {
    let process = Process::start_within(100, "").await;
    let mut crowd = Vec::new();
    for _ in 0..150 {
        crowd.push(Connection::open(process.service).await);
    }
    let metric = async |name: &str| {
        let all = get(process.admin, "/metrics").await.body;
        all.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u32>().ok()).unwrap()
    };
    let refused = "chassis_connections_refused_total{listener=\"service\",reason=\"descriptors\"}";
    until(true, async || metric(refused).await > 0).await;
    for _ in 0..10 {
        assert_eq!(get(process.admin, "/livez").await.status, 200);
    }
    drop(crowd);
    until(0, async || metric("chassis_connections{listener=\"service\"}").await).await;
    assert_eq!(post(process.service, "/microservice", "{}").await.status, 200);
}

#[tokio::test]
async fn threads_follow_the_cores_and_not_the_workers_at_the_start() {
    let [few, many] = [1, 8].map(|workers| format!("server: {{workers: {workers}}}"));
    let [few, many] = [Process::start(&few).await, Process::start(&many).await];
    let threads = async |process: &Process| {
        assert_eq!(post(process.service, "/microservice", "{}").await.status, 200);
        process.status("Threads")
    };
    // Threads for files and names come and go.
    until(true, async || threads(&few).await == threads(&many).await).await;
}

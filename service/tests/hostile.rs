//! Clients that are slow, deaf or many, against the program itself: good clients are served, memory has a bound, and
//! the end comes in time. `make hostile` runs it with thousands of them.

#![cfg(test)]

mod support;

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde_json::json;
use support::{
    http::{Connection, get, post, request},
    parts::Nginx,
    process::Process,
    until,
};
use tokio::{task::JoinSet, time::sleep};

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
const LONG_BEHIND_NGINX: Crowd = Crowd { others: 10, ..LONG };

/// The whole crowd may make the program so much larger than it was: about 24 KiB a connection, the budget for bodies
/// and what answers are made in.
fn memory(crowd: Crowd) -> u64 {
    let Crowd { idle, partial_bodies, others } = crowd;
    let connections = u64::try_from(idle + partial_bodies + 5 * others).unwrap();
    (40 << 10) + connections * 24 + u64::try_from(partial_bodies).unwrap() * 64
}

const LIMITS: &str = "server: {workers: 16, read_timeout: 10m, write_timeout: 10m, keep_alive: 10m, timeout: 10m, \
    drain_timeout: 2s, max_body: 1Mi, body_budget: 8Mi}\nmessage: {delay: 0s}";

/// The crowd while it is there.
struct Gathered {
    _still: Vec<Connection>,
    /// Those that send a byte now and then.
    _slow: JoinSet<()>,
}

const BYTE: Duration = Duration::from_millis(100);

async fn send_slowly(mut connection: Connection) {
    while connection.try_send("x").await.is_ok() {
        sleep(BYTE).await;
    }
}

async fn gather(address: SocketAddr, crowd: Crowd) -> Gathered {
    let head = format!("POST /microservice HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", 1 << 20);
    let part = head.clone() + &"x".repeat(500 << 10);
    let fibonacci = request("GET", "/fibonacci/list?count=10000", "");
    let kinds = [
        (crowd.idle, String::new(), false),
        (crowd.partial_bodies, part, false),
        // A slow header, a slow body, one that does not read, one that asks on without reading.
        (crowd.others, "POST /microservice HTTP/1.1\r\nhost: x\r\nx-slow: ".to_owned(), true),
        (crowd.others, head + "x", true),
        (crowd.others, fibonacci.clone(), false),
        (crowd.others, fibonacci.repeat(20), false),
    ];
    let mut opening = JoinSet::new();
    for (count, bytes, slow) in kinds {
        for _ in 0..count {
            let bytes = bytes.clone();
            opening.spawn(async move {
                let mut connection = Connection::open(address).await;
                // A refusal may come before the last byte has left.
                _ = connection.try_send(&bytes).await;
                (connection, slow)
            });
        }
    }
    let (slow, still): (Vec<_>, Vec<_>) = opening.join_all().await.into_iter().partition(|(_, slow)| *slow);
    let slow = slow.into_iter().map(|(connection, _)| send_slowly(connection)).collect();
    let mut still: Vec<_> = still.into_iter().map(|(connection, _)| connection).collect();
    for _ in 0..crowd.others {
        // Half-closed: has sent its request and will send no more.
        let mut connection = Connection::open(address).await;
        connection.send(&fibonacci).await;
        connection.end().await;
        still.push(connection);
    }
    Gathered { _still: still, _slow: slow }
}

/// A series of `/metrics` that is a whole number.
async fn metric(process: &Process, series: &str) -> u32 {
    let all = get(process.admin, "/metrics").await.body;
    all.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok()).unwrap()
}

const ROUNDS: usize = 9;
const GOOD_CLIENTS: u32 = 4;
/// Of all good clients, in a round.
const REQUESTS: u32 = 2000;

/// What 99 of 100 requests to each of `addresses` take at most. They take turns, so that whatever else the machine does
/// hits both alike.
async fn p99(addresses: [SocketAddr; 2]) -> [Duration; 2] {
    let mut clients = JoinSet::new();
    for _ in 0..GOOD_CLIENTS {
        clients.spawn(async move {
            let mut connections =
                [Connection::open(addresses[0]).await, Connection::open(addresses[1]).await];
            let mut took = [Vec::new(), Vec::new()];
            for _ in 0..REQUESTS / GOOD_CLIENTS {
                for (connection, took) in connections.iter_mut().zip(&mut took) {
                    let began = Instant::now();
                    assert_eq!(connection.request("POST", "/microservice", "{}").await.status, 200);
                    took.push(began.elapsed());
                }
            }
            took
        });
    }
    let all = clients.join_all().await;
    [0, 1].map(|at| {
        let mut took: Vec<_> = all.iter().flat_map(|took| &took[at]).copied().collect();
        took.sort_unstable();
        took[took.len() * 99 / 100]
    })
}

/// Good clients of the service at `crowded` take at most twice as long as those of an equal one that has no crowd: in
/// the median of some rounds.
async fn is_as_fast(crowded: SocketAddr, quiet: SocketAddr) {
    let mut ratios = Vec::new();
    for round in 1..=ROUNDS {
        let [beside, alone] = p99([crowded, quiet]).await;
        let ratio = beside.as_secs_f64() / alone.as_secs_f64();
        println!(
            "round {round}: p99 of good clients {beside:?} beside the crowd, {alone:?} alone: {ratio:.2} x"
        );
        ratios.push(ratio);
    }
    ratios.sort_unstable_by(f64::total_cmp);
    let median = ratios[ROUNDS / 2];
    println!("median: {median:.2} x");
    assert!(median <= 2.0, "good clients take {median:.2} x as long beside the crowd");
}

/// `quiet`: where an equal service is that has no crowd, if both are to be compared.
async fn withstands(mut process: Process, address: SocketAddr, crowd: Crowd, quiet: Option<SocketAddr>) {
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
    if let Some(quiet) = quiet {
        is_as_fast(address, quiet).await;
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
    withstands(process, address, SHORT, None).await;
}

#[tokio::test]
async fn nor_does_it_behind_nginx() {
    let process = Process::start(LIMITS).await;
    let Some(nginx) = Nginx::start(process.service).await else { return };
    withstands(process, nginx.address, BEHIND_NGINX, None).await;
}

/// `make hostile`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "thousands of connections"]
async fn thousands_of_hostile_clients_cost_good_ones_nothing_but_time() {
    let [process, quiet] = [Process::start(LIMITS).await, Process::start(LIMITS).await];
    let address = process.service;
    withstands(process, address, LONG, Some(quiet.service)).await;
}

/// `make hostile`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "thousands of connections"]
async fn nor_do_thousands_behind_nginx() {
    let [process, quiet] = [Process::start(LIMITS).await, Process::start(LIMITS).await];
    let Some(nginx) = Nginx::start(process.service).await else { return };
    let Some(quiet_nginx) = Nginx::start(quiet.service).await else { return };
    withstands(process, nginx.address, LONG_BEHIND_NGINX, Some(quiet_nginx.address)).await;
}

#[tokio::test]
async fn probes_are_answered_when_descriptors_have_run_out() {
    let process = Process::start_within(100, "").await;
    let mut crowd = Vec::new();
    for _ in 0..150 {
        crowd.push(Connection::open(process.service).await);
    }
    let refused = "chassis_connections_refused_total{listener=\"service\",reason=\"descriptors\"}";
    until(true, async || metric(&process, refused).await > 0).await;
    for _ in 0..10 {
        assert_eq!(get(process.admin, "/livez").await.status, 200);
    }
    drop(crowd);
    until(0, async || metric(&process, "chassis_connections{listener=\"service\"}").await).await;
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

//! What happens on every request allocates nothing that could have been made before. Measured here, in a program of
//! its own: the counting allocator is a whole program's.

#![cfg(test)]

use std::net::UdpSocket;

use allocation_counter::measure;
use chassis::{
    App, Config, Server,
    config::{Sources, load},
    trace::{self, Kind, Span},
};

#[tokio::test]
async fn contract_1_3_20_a_pushed_update_allocates_nothing() {
    let sink = UdpSocket::bind("127.0.0.1:0").unwrap();
    let statsd = format!("http://{}", sink.local_addr().unwrap());
    let sources = Sources::default().with_env([
        ("CHASSIS_SERVER__LISTEN", "http://127.0.0.1:0"),
        ("CHASSIS_SERVER__ADMIN", "http://127.0.0.1:0"),
        ("PYMICRO_SEND_METRICS", "true"),
        ("PYMICRO_STATSD", &statsd),
    ]);
    let config = load(&sources, Config::read).unwrap().config;
    let app = App::new().unwrap();
    let plain = app.metrics().counter("a_total", "A").unwrap();
    let labelled = app.metrics().counters("b_total", "B", &["code"]).unwrap().with(&["0"]).unwrap();
    let _server = Server::bind(&config, app).await.unwrap();
    // The buffer of this thread, once.
    labelled.add(2);
    let measured = measure(|| {
        for count in 0..1000 {
            plain.inc();
            labelled.inc();
            labelled.add(count);
        }
    });
    assert_eq!(measured.count_total, 0, "allocations in 2999 updates");

    // The blindness of the measurement would be no proof.
    assert_eq!(measure(|| drop(std::hint::black_box(Box::new(1)))).count_total, 1);
    let mut datagram = [0; 64];
    for expected in ["b_total:2|c|#code:0", "a_total:1|c", "b_total:1|c|#code:0", "a_total:1|c"] {
        let length = sink.recv(&mut datagram).unwrap();
        assert_eq!(std::str::from_utf8(&datagram[..length]).unwrap(), expected);
    }
}

#[tokio::test]
async fn a_span_that_nobody_records_allocates_nothing() {
    let measured = measure(|| {
        for number in 0..100 {
            let mut span = Span::begin(Kind::Local, "fetch").component("db-execute");
            span.tag("db.rows", number);
            trace::name("get_users");
            trace::tag("user", number);
        }
    });
    assert_eq!(measured.count_total, 0);
}

//! Contract 1.3: metrics are pushed to statsd.

#![cfg(test)]
#![expect(clippy::float_cmp, reason = "counts are whole numbers")]

mod support;

use std::time::Duration;

use support::{
    http::{get, post},
    parts::StatsdExporter,
    process::{Process, run, stderr},
    running::Running,
    soon, until,
};
use tokio::net::UdpSocket;

const PATH: &str = "/microservice";

/// Takes the place of statsd where the datagrams themselves are looked at.
struct Sink(UdpSocket);

impl Sink {
    async fn open() -> Self {
        Self(UdpSocket::bind("127.0.0.1:0").await.unwrap())
    }

    fn url(&self) -> String {
        format!("http://{}", self.0.local_addr().unwrap())
    }

    async fn datagram(&self) -> String {
        let mut buffer = [0; 2000];
        let length = soon("a datagram", self.0.recv(&mut buffer)).await.unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    /// Every line until one that begins with `last`.
    async fn lines_until(&self, last: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            lines.extend(self.datagram().await.lines().map(str::to_owned));
            if lines.iter().any(|line| line.starts_with(last)) {
                return lines;
            }
        }
    }
}

fn push_to(url: &str) -> [(&str, &str); 2] {
    [("PYMICRO_SEND_METRICS", "true"), ("PYMICRO_STATSD", url)]
}

#[tokio::test]
async fn contract_1_3_20_each_update_is_one_datagram() {
    let sink = Sink::open().await;
    let url = sink.url();
    let running = Running::bundled(&push_to(&url)).await;
    assert_eq!(post(running.service, PATH, "{}").await.status, 200);
    assert_eq!(sink.datagram().await, "pymicro_req_total:1|c");
    assert_eq!(sink.datagram().await, "pymicro_ret_req_total:1|c|#pymicro_ret:0");
    assert_eq!(post(running.service, PATH, "no object").await.status, 400);
    assert_eq!(sink.datagram().await, "pymicro_req_total:1|c");

    let failing = [&push_to(&url)[..], &[("CHASSIS_MESSAGE__FAILURE_RATE", "1.0")]].concat();
    let failing = Running::bundled(&failing).await;
    assert_eq!(post(failing.service, PATH, "{}").await.status, 200);
    assert_eq!(sink.datagram().await, "pymicro_req_total:1|c");
    assert_eq!(sink.datagram().await, "pymicro_ret_req_total:1|c|#pymicro_ret:-1");
}

#[tokio::test]
async fn contract_1_3_21_the_service_port_has_no_metrics_and_the_exporter_has_them() {
    let Some(exporter) = StatsdExporter::start().await else { return };
    let url = format!("http://{}", exporter.statsd);
    let running = Running::bundled(&push_to(&url)).await;
    assert_eq!(get(running.service, "/metrics").await.status, 404);
    assert_eq!(get(running.admin, "/metrics").await.status, 200);
    for body in ["{}", "{}", "{}", "nothing"] {
        post(running.service, PATH, body).await;
    }
    until(Some(4.0), async || exporter.value("pymicro_req_total").await).await;
    until(Some(3.0), async || exporter.value("pymicro_ret_req_total{pymicro_ret=\"0\"}").await).await;
}

#[tokio::test]
async fn contract_1_3_22_workers_are_in_the_exporter_and_no_request_is_counted_twice() {
    let Some(exporter) = StatsdExporter::start().await else { return };
    let url = format!("http://{}", exporter.statsd);
    let often = [&push_to(&url)[..], &[("CHASSIS_METRICS__PUSH_INTERVAL", "50ms")]].concat();
    let running = Running::bundled(&often).await;
    let worker = "uwsgi_pymicro_worker_requests{worker=\"1\"}";
    for round in 1..=3 {
        for _ in 0..5 {
            post(running.service, PATH, "{}").await;
        }
        until(Some(f64::from(5 * round)), async || exporter.value(worker).await).await;
    }
    // What is sent again and again now must add nothing.
    let seen = exporter.value("statsd_exporter_udp_packets_total").await.unwrap();
    until(true, async || exporter.value("statsd_exporter_udp_packets_total").await.unwrap() > seen + 5.0)
        .await;
    assert_eq!(exporter.sum("uwsgi_pymicro_worker_requests").await, 15.0);
    assert_eq!(exporter.sum("pymicro_req_total").await, 15.0);
    let requests = "chassis_http_requests_total{code=\"200\",method=\"POST\",path=\"/microservice\"}";
    assert_eq!(exporter.value(requests).await, Some(15.0));
    assert_eq!(exporter.value("chassis_queue_wait_seconds_bucket{le=\"+Inf\"}").await, Some(15.0));
    assert_eq!(exporter.value("uwsgi_pymicro_core_idle_workers").await, Some(4.0));
    assert!(exporter.value("uwsgi_pymicro_rss_size").await.unwrap() > 1e6);
    assert!(exporter.value("uwsgi_pymicro_worker_avg_response_time{worker=\"1\"}").await.unwrap() > 0.0);
    assert_eq!(exporter.sum("statsd_exporter_tag_errors_total").await, 0.0);
    assert_eq!(exporter.sum("statsd_exporter_events_conflict_total").await, 0.0);
    assert_eq!(exporter.sum("statsd_exporter_sample_errors_total").await, 0.0);
}

#[tokio::test]
async fn summed_updates_are_the_same_count_in_fewer_datagrams() {
    let sink = Sink::open().await;
    let url = sink.url();
    let env = [("CHASSIS_METRICS__UPDATES", "summed"), ("CHASSIS_METRICS__PUSH_INTERVAL", "1h")];
    let running = Running::bundled(&[&push_to(&url)[..], &env].concat()).await;
    for _ in 0..30 {
        post(running.service, PATH, "{}").await;
    }
    running.shutdown.drain();
    let lines = sink.lines_until("uwsgi_pymicro.worker.requests").await;
    for line in ["pymicro_req_total:30|c", "pymicro_ret_req_total:30|c|#pymicro_ret:0"] {
        assert!(lines.iter().any(|sent| sent == line), "{line} is not in {lines:?}");
    }
    running.ended().await;
}

#[tokio::test]
async fn contract_1_3_22_what_was_counted_since_the_last_interval_is_sent_in_the_drain() {
    let sink = Sink::open().await;
    let mut process = Process::start(&format!("metrics: {{push: true, statsd: '{}'}}", sink.url())).await;
    post(process.service, PATH, "{}").await;
    process.signal("TERM").await;
    assert_eq!(process.exit_code().await, Some(0));
    let lines = sink.lines_until("uwsgi_pymicro.worker.requests").await;
    assert!(lines.contains(&"uwsgi_pymicro.worker.requests:1|c|#worker:1".to_owned()), "{lines:?}");
    assert!(lines.iter().all(|line| !line.starts_with("process_")), "{lines:?}");
}

#[tokio::test]
async fn contract_1_3_23_statsd_at_the_service_address_ends_the_program_with_the_reason() {
    for (service, statsd) in
        [("http://0.0.0.0:8080", "http://0.0.0.0:8080"), ("http://127.0.0.1:9125", "http://0.0.0.0:9125")]
    {
        let env = [("PYMICRO", service), ("PYMICRO_STATSD", statsd), ("PYMICRO_SEND_METRICS", "true")];
        let output = run(&env, &["serve"]).await;
        assert_eq!(output.status.code(), Some(64), "{output:?}");
        let reason = "so the metrics would be sent to the service itself; name the statsd server in metrics.statsd or PYMICRO_STATSD";
        assert!(stderr(&output).contains(reason), "{}", stderr(&output));
    }
}

#[tokio::test]
async fn contract_1_3_24_a_statsd_that_is_not_there_changes_no_answer_and_is_said_once() {
    let sink = Sink::open().await;
    let url = sink.url();
    drop(sink);
    let file = format!("metrics: {{push: true, statsd: '{url}', push_interval: 50ms}}");
    let mut process = Process::start(&file).await;
    for _ in 0..20 {
        assert_eq!(post(process.service, PATH, "{}").await.status, 200);
    }
    process.logs(&format!("statsd at {url} is not reached, ")).await;

    let unknown = "http://nobody.invalid:9125";
    let running = Running::bundled(&push_to(unknown)).await;
    assert_eq!(post(running.service, PATH, "{}").await.status, 200);
    let page = get(running.admin, "/metrics").await.body;
    assert!(page.contains("chassis_statsd_lost_total 2\n"), "{page}");
}

#[tokio::test]
async fn contract_1_3_24_after_an_outage_no_update_is_lost_to_the_error_of_the_one_before() {
    let sink = Sink::open().await;
    let (url, address) = (sink.url(), sink.0.local_addr().unwrap());
    let running = Running::bundled(&push_to(&url)).await;
    drop(sink);
    // One datagram, whose refusal comes with the next send.
    post(running.service, PATH, "nothing").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let sink = Sink(UdpSocket::bind(address).await.unwrap());
    post(running.service, PATH, "{}").await;
    assert_eq!(sink.datagram().await, "pymicro_req_total:1|c");
    assert_eq!(sink.datagram().await, "pymicro_ret_req_total:1|c|#pymicro_ret:0");
}

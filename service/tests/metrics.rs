//! Contract 1.2.13: the formats of `/metrics`, as the real Prometheus reads them.

#![cfg(test)]

mod support;

use support::{
    http::{get, get_with, post},
    parts::Prometheus,
    running::Running,
    until,
};

const ACCEPT: (&str, &str) = ("accept", "application/openmetrics-text; version=1.0.0");

/// contract 1.2.13
#[tokio::test]
async fn openmetrics_is_for_those_who_ask_for_it_and_names_choose_series() {
    let running = Running::bundled(&[]).await;
    post(running.service, "/microservice", "{}").await;
    for address in [running.service, running.admin] {
        let page = get_with(address, "/metrics", &[ACCEPT]).await;
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        assert_eq!((page.header("content-type"), page.header("vary")), (Some(kind), Some("accept")));
        assert!(page.body.ends_with("\n# EOF\n"), "{}", page.body);
        for line in ["# TYPE pymicro_req counter", "pymicro_req_total 1.0", "chassis_workers 4.0"] {
            assert!(page.body.lines().any(|present| present == line), "{line} is not in {}", page.body);
        }
        let chosen = get(address, "/metrics?name[]=pymicro_req_total&name[]=chassis_workers").await;
        assert_eq!(chosen.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        let series: Vec<_> = chosen.body.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(series, ["chassis_workers 4", "pymicro_req_total 1"]);
        let nothing = get_with(address, "/metrics?name[]=x", &[ACCEPT]).await;
        assert_eq!(nothing.body, "# EOF\n");
    }
}

/// contract 1.2.17
#[tokio::test]
async fn the_service_port_may_show_the_application_s_metrics_only() {
    let names = async |address| {
        let page = get(address, "/metrics").await.body;
        let lines = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let running = Running::bundled(&[("CHASSIS_METRICS__APPLICATION_ONLY", "true")]).await;
    post(running.service, "/microservice", "{}").await;
    assert_eq!(names(running.service).await, ["pymicro_req_total", "pymicro_ret_req_total"]);
    assert!(names(running.admin).await.contains(&"chassis_workers".to_owned()));
    let all = Running::bundled(&[]).await;
    assert!(names(all.service).await.contains(&"chassis_workers".to_owned()));
}

/// contract 1.2.13
#[tokio::test]
async fn prometheus_reads_openmetrics_without_a_complaint() {
    let running = Running::bundled(&[]).await;
    for _ in 0..3 {
        post(running.service, "/microservice", "{}").await;
    }
    let Some(prometheus) = Prometheus::start(running.admin).await else { return };
    until(Some(3.0), async || {
        assert_eq!(prometheus.scrape_error().await, "");
        prometheus.value("pymicro_req_total").await
    })
    .await;
    for (name, kind) in [
        ("pymicro_req", "counter"),
        ("chassis_workers", "gauge"),
        ("chassis_http_request_duration_seconds", "histogram"),
        ("process_cpu_seconds", "counter"),
    ] {
        assert_eq!(prometheus.kind(name).await.as_deref(), Some(kind), "{name}");
    }
    let bucket = "chassis_http_request_duration_seconds_bucket%7Bpath=%22/microservice%22,le=%22%2BInf%22%7D";
    assert_eq!(prometheus.value(bucket).await, Some(3.0));
}

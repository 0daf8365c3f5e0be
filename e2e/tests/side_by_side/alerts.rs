//! What a Microservice's alerts and dashboard ask, a real Prometheus answers.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use e2e::{Case, Load, wait};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{ResourceExt, api::ApiResource, core::GroupVersionKind};
use operator_core::api::Microservice;
use serde_json::{Value, json};

#[tokio::test]
#[ignore = "needs a cluster"]
async fn every_alert_and_every_panel_is_answered() -> Result<()> {
    e2e::run("alerts", async |case| {
        let own = json!([{ "alert": "AlwaysFires", "expr": "vector(1)", "labels": { "namespace": case.namespace } }]);
        let monitoring = json!({ "interval": "2s", "rules": { "own": own }, "dashboard": {} });
        case.apply_ready("m", json!({ "requestsPerWorker": 2, "monitoring": monitoring })).await?;
        let requests = Load {
            url: "http://m/microservice".into(),
            connections: 1,
            requests: 200,
            rate: Some(10),
            ..Load::default()
        };
        let requests = case.start_load(&[requests]).await?;
        requests.running().await?;

        let dashboard = case.api::<ConfigMap>().get("m-dashboard").await?;
        assert_eq!(dashboard.labels()["grafana_dashboard"], "1");
        let dashboard = dashboard.data.unwrap_or_default().into_values().next().context("no dashboard")?;
        let dashboard: Value = serde_json::from_str(&dashboard)?;
        let panels = dashboard["panels"].as_array().context("no panels")?;
        let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
        let mut queries: Vec<_> = targets
            .map(|target| target["expr"].as_str().unwrap_or_default().replace("$__rate_interval", "20s"))
            .collect();
        ensure!(queries.len() >= 10, "{queries:?}");
        // Of an alert, what is compared with its limit: the alert itself has an answer only when it fires.
        let alerts = alerts(case).await?;
        ensure!(alerts.len() == 6, "{alerts:?}");
        queries.extend(alerts.values().map(|expr| {
            let compared = expr.rsplit_once(" > ").or_else(|| expr.rsplit_once(" == "));
            compared.map_or(&**expr, |(left, _)| left).to_owned()
        }));
        for query in queries {
            case.prometheus_until(&query).await?;
        }
        requests.report().await?;
        fires(case).await?;

        case.apply("m", json!({ "monitoring": { "interval": "2s" } })).await?;
        wait::object(&case.api::<ConfigMap>(), "m-dashboard", "to be gone", wait::SHORT, |found| {
            found.is_none()
        })
        .await?;
        wait::object(&case.dynamic(&rules()), "m", "to be gone", wait::SHORT, |found| found.is_none()).await?;
        Ok(())
    })
    .await
}

/// peers: opentelemetry-operator#898, opentelemetry-operator#2251, opentelemetry-operator#2878,
/// grafana/loki#1726, qdrant-helm#207 (a pod is scraped once)
#[tokio::test]
#[ignore = "needs a cluster"]
async fn pushed_metrics_are_scraped_from_the_exporter_and_nowhere_else() -> Result<()> {
    e2e::run("push", async |case| {
        let monitoring = json!({ "interval": "2s", "statsd": {} });
        case.apply_ready("p", json!({ "monitoring": monitoring })).await?;
        for _ in 0..3 {
            assert_eq!(case.request("POST", "http://p/microservice", Some("{}")).await?.status, 200);
        }
        let of = format!(r#"{{namespace="{}",service="p"}}"#, case.namespace);
        let query = format!("sum(pymicro_req_total{of}) == 3");
        case.prometheus_until(&query).await?;
        let targets = case.prometheus(&format!("count(up{of})")).await?;
        assert_eq!(targets.first().map(|count| count.value), Some(1.0), "one scrape for one pod");
        let exporter = case.prometheus(&format!("statsd_exporter_build_info{of}")).await?;
        assert_eq!(exporter.len(), 1, "{exporter:?}");
        // Back again: the service itself is scraped.
        case.apply_ready("p", json!({ "monitoring": { "interval": "2s" } })).await?;
        let query = format!("chassis_workers{of} and on (pod) up{of} == 1");
        let service = format!("{query} unless on (pod) statsd_exporter_build_info{of}");
        case.prometheus_until(&service).await.map(drop)
    })
    .await
}

fn rules() -> ApiResource {
    let kind = GroupVersionKind::gvk("monitoring.coreos.com", "v1", "PrometheusRule");
    ApiResource::from_gvk_with_plural(&kind, "prometheusrules")
}

/// Expressions by the alert's name.
async fn alerts(case: &Case) -> Result<BTreeMap<String, String>> {
    let rule = case.dynamic(&rules()).get("m").await?;
    let rules = rule.data["spec"]["groups"][0]["rules"].as_array().context("no rules")?.clone();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(rules.iter().map(|rule| (text(&rule["alert"]), text(&rule["expr"]))).collect())
}

/// The rules have come to Prometheus, and are evaluated.
async fn fires(case: &Case) -> Result<()> {
    let query = format!(r#"ALERTS{{alertname="AlwaysFires",namespace="{}"}}"#, case.namespace);
    case.prometheus_until(&query).await?;
    ensure!(
        case.api::<Microservice>().get("m").await?.status.is_some_and(|s| s.problems.is_empty()),
        "problems"
    );
    Ok(())
}

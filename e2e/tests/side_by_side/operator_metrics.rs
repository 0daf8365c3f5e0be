//! What the operator's own dashboard and alerts ask, a real Prometheus answers.
//!
//! peers: VictoriaMetrics/operator#2238, cert-manager/cert-manager#6312, k8ssandra-operator#171, LLMKube#1001

use anyhow::{Context, Result, ensure};
use e2e::{Case, parse_metrics, wait};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api,
    api::{ApiResource, DeleteParams, DynamicObject},
    core::GroupVersionKind,
};
use operator_core::api::Microservice;
use serde_json::{Value, json};

/// Name of the chart's objects.
const RELEASE: &str = "microservice-operator";

#[tokio::test]
#[ignore = "needs a cluster"]
async fn every_alert_and_every_panel_of_the_operator_is_answered() -> Result<()> {
    e2e::run("operator-metrics", async |case| {
        case.apply_ready("m", json!({})).await?;
        let mut queries = panels(case).await?;
        ensure!(queries.len() >= 12, "{queries:?}");
        let alerts = alerts(case).await?;
        ensure!(alerts.len() >= 8, "{alerts:?}");
        queries.extend(alerts.iter().map(|expr| compared(expr)));
        for query in queries {
            case.prometheus_until(&query).await?;
        }
        for expr in alerts.iter().filter(|expr| expr.starts_with("absent(") || expr.contains("_leader")) {
            ensure!(case.prometheus(expr).await?.is_empty(), "fires, though all is well: {expr}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn conditions_are_shown_as_long_as_there_is_the_microservice() -> Result<()> {
    e2e::run("condition-metrics", async |case| {
        case.apply_ready("m", json!({})).await?;
        let shown = async || {
            let samples = parse_metrics(&case.operator().await?.get("/metrics").await?);
            let ours = |sample: &e2e::Sample| {
                sample.name == "microservice_operator_condition"
                    && sample.label("namespace") == case.namespace
            };
            anyhow::Ok(samples.into_iter().filter(ours).collect::<Vec<_>>())
        };
        wait::until("Ready to be 1", wait::SHORT, async || {
            Ok(shown().await?.iter().any(|s| s.label("type") == "Ready" && s.value > 0.0).then_some(()))
        })
        .await?;
        case.api::<Microservice>().delete("m", &DeleteParams::default()).await?;
        wait::until("its series to be gone", wait::SHORT, async || {
            Ok(shown().await?.is_empty().then_some(()))
        })
        .await
    })
    .await
}

/// Of an alert, what is compared with its limit: the alert itself has an answer only when it fires.
fn compared(expr: &str) -> String {
    let inner = expr.strip_prefix("absent(").map_or(expr, |inner| inner.trim_end_matches(')'));
    let compared = [" > ", " < ", " == "].into_iter().find_map(|sign| inner.rsplit_once(sign));
    let left = compared.map_or(inner, |(left, _)| left);
    // No error happened yet: there is no series of one.
    if left.contains("_errors_total") { format!("{left} or vector(0)") } else { left.to_owned() }
}

async fn panels(case: &Case) -> Result<Vec<String>> {
    let maps = Api::<ConfigMap>::namespaced(case.client.clone(), &case.settings.operator_namespace);
    let map =
        maps.get(&format!("{RELEASE}-dashboard")).await.context("install with dashboard.enabled=true")?;
    let dashboard = map.data.unwrap_or_default().into_values().next().context("no dashboard")?;
    let dashboard: Value = serde_json::from_str(&dashboard)?;
    let panels = dashboard["panels"].as_array().context("no panels")?;
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    Ok(targets
        .map(|target| target["expr"].as_str().unwrap_or_default().replace("$__rate_interval", "1m"))
        .collect())
}

async fn alerts(case: &Case) -> Result<Vec<String>> {
    let kind = GroupVersionKind::gvk("monitoring.coreos.com", "v1", "PrometheusRule");
    let kind = ApiResource::from_gvk_with_plural(&kind, "prometheusrules");
    let namespace = &case.settings.operator_namespace;
    let rules = Api::<DynamicObject>::namespaced_with(case.client.clone(), namespace, &kind);
    let rule = rules.get(RELEASE).await.context("install with prometheusRule.enabled=true")?;
    let rules = rule.data["spec"]["groups"][0]["rules"].as_array().context("no rules")?.clone();
    Ok(rules.iter().map(|rule| rule["expr"].as_str().unwrap_or_default().to_owned()).collect())
}

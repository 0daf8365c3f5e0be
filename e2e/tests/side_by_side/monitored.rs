//! The condition Monitored tells whether a Prometheus selects the ServiceMonitor, and what to write
//! if none does.
//!
//! peers: prometheus-community/helm-charts#1631, prometheus-community/helm-charts#430,
//! opensearch-k8s-operator#572, k8sgpt-operator#528, prometheus-operator#5917, kube-prometheus#1392,
//! opentelemetry-operator#4138, prometheus-operator#3335, prometheus-operator#6802 (selection),
//! keycloak/keycloak#45070, infinispan-operator#1683, keycloak-operator#527 (silence)

use anyhow::{Context, Result};
use e2e::{CHILDREN, Case, message};
use kube::{
    api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
    core::GroupVersionKind,
};
use operator_core::api::Microservice;
use serde_json::{Value, json};

/// The cluster's Prometheus leaves alone what has this label.
const UNSCRAPED: &str = "e2e.example.com/unscraped";
/// By this many a Prometheus selects.
const INSTANCE: &str = "app.kubernetes.io/instance";

#[tokio::test]
#[ignore = "needs a cluster"]
async fn a_wrong_label_is_named_and_the_right_one_is_scraped() -> Result<()> {
    e2e::run("monitored", async |case| {
        let prometheuses = case.dynamic(&prometheus());
        // Without pods: it only has to select.
        let strict: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "monitoring.coreos.com/v1", "kind": "Prometheus", "metadata": { "name": "strict" },
            "spec": { "replicas": 0, "serviceMonitorSelector": { "matchLabels": { INSTANCE: "strict" } } },
        }))?;
        prometheuses.create(&PostParams::default(), &strict).await?;

        apply(case, json!({ UNSCRAPED: "yes" })).await?;
        let wrong = case.condition("m", "Monitored", "False", "NoPrometheusSelects").await?;
        let words = message(&wrong, "Monitored");
        assert!(words.contains("/strict: missing label app.kubernetes.io/instance=strict"), "{words}");
        assert!(words.contains("Set the labels in spec.monitoring.labels"), "{words}");
        let problems = wrong.status.context("no status")?.problems;
        assert!(problems.iter().any(|p| p.field == "spec.monitoring.labels"), "{problems:?}");

        apply(case, json!({ UNSCRAPED: "yes", INSTANCE: "strict" })).await?;
        let right = case.condition("m", "Monitored", "True", "ServiceMonitorSelected").await?;
        assert!(message(&right, "Monitored").contains("/strict selects"), "{}", message(&right, "Monitored"));

        // A Prometheus that goes is noticed at once.
        prometheuses.delete("strict", &DeleteParams::default()).await?;
        case.condition("m", "Monitored", "False", "NoPrometheusSelects").await?;

        // What the condition says is true: now it is really scraped.
        let up = format!(r#"up{{namespace="{}",service="m"}} == 1"#, case.namespace);
        assert!(case.prometheus(&up).await?.is_empty(), "scraped, though nothing selects it");
        apply(case, json!({})).await?;
        case.condition("m", "Monitored", "True", "ServiceMonitorSelected").await?;
        case.prometheus_until(&up).await?;

        refused_by_prometheus(case).await
    })
    .await
}

/// Where the Prometheus operator writes what became of a ServiceMonitor, that counts.
async fn refused_by_prometheus(case: &Case) -> Result<()> {
    let word = |status: &str| {
        json!({ "status": { "bindings": [{
            "group": "monitoring.coreos.com", "resource": "prometheuses", "namespace": "monitoring", "name": "main",
            "conditions": [{ "type": "Accepted", "status": status, "message": "bad regex",
                "lastTransitionTime": "2026-01-01T00:00:00Z" }],
        }]}})
    };
    let monitors = case.dynamic(&CHILDREN[4].resource());
    for (status, condition, reason) in
        [("False", "False", "ServiceMonitorRejected"), ("True", "True", "ServiceMonitorSelected")]
    {
        monitors.patch_status("m", &PatchParams::default(), &Patch::Merge(word(status))).await?;
        let told = case.condition("m", "Monitored", condition, reason).await?;
        let words = message(&told, "Monitored");
        assert!(words.contains("monitoring/main"), "{words}");
        assert_eq!(words.contains("bad regex"), status == "False", "{words}");
    }
    Ok(())
}

async fn apply(case: &Case, labels: Value) -> Result<Microservice> {
    let mut monitoring = json!({ "interval": "2s" });
    // Of an empty map with entries before, server-side apply makes a null.
    if labels != json!({}) {
        monitoring["labels"] = labels;
    }
    case.apply("m", json!({ "monitoring": monitoring })).await
}

fn prometheus() -> ApiResource {
    let kind = GroupVersionKind::gvk("monitoring.coreos.com", "v1", "Prometheus");
    ApiResource::from_gvk_with_plural(&kind, "prometheuses")
}

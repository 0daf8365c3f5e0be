//! A rollout changes where pods answer, and ready pods are reached all the while, whatever becomes of
//! the new ones.

use anyhow::{Result, ensure};
use e2e::{Case, Load, LoadPod, managed, wait};
use k8s_openapi::{
    api::core::v1::{Pod, Service},
    apimachinery::pkg::util::intstr::IntOrString,
};
use serde_json::{Value, json};

/// Can't be pulled.
const BROKEN: &str = "registry.invalid/app:broken";

#[tokio::test]
#[ignore = "needs a cluster"]
async fn nginx_switched_on_and_off_never_empties_the_endpoints() -> Result<()> {
    e2e::run("proxy-switched", async |case| {
        let without = json!({ "proxy": { "enabled": false } });
        case.apply_ready("m", without.clone()).await?;
        leads_to(case, "service").await?;

        // An nginx that never comes: the old pod goes on.
        case.apply("m", json!({ "proxy": { "image": BROKEN } })).await?;
        case.condition("m", "Ready", "False", "ImagePullFailed").await?;
        let answer = case.request("POST", "http://m/microservice", Some("{}")).await?;
        ensure!(answer.status == 200, "{answer:?}");
        case.apply_ready("m", without.clone()).await?;

        let load = load(case).await?;
        case.apply_ready("m", json!({})).await?;
        leads_to(case, "http").await?;
        case.apply_ready("m", json!({ "port": 8000 })).await?;
        case.apply_ready("m", without).await?;
        leads_to(case, "service").await?;
        load.stop().await?;
        let report = load.report().await?;
        ensure!(report.failures() == 0, "{report:?}");
        Ok(())
    })
    .await
}

/// Each request has a connection of its own.
async fn load(case: &Case) -> Result<LoadPod<'_>> {
    let stream = Load {
        url: "http://m/microservice".into(),
        connections: 8,
        rate: Some(50),
        keepalive: false,
        until_told: true,
        ..Load::default()
    };
    let load = case.start_load(&[stream]).await?;
    load.running().await?;
    Ok(load)
}

/// Waits until the Service's port http leads to the port of this name.
async fn leads_to(case: &Case, name: &str) -> Result<()> {
    let target = Some(IntOrString::String(name.into()));
    wait::found(&case.api::<Service>(), "m", &format!("targetPort {name}"), wait::LONG, |service| {
        let mut ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
        ports.any(|port| port.name.as_deref() == Some("http") && port.target_port == target)
    })
    .await?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn metrics_stay_readable_while_a_new_exporter_or_admin_port_does_not_come() -> Result<()> {
    e2e::run("metrics-port", async |case| {
        case.apply_ready("m", json!({})).await?;
        let statsd = json!({ "monitoring": { "statsd": { "image": BROKEN } } });
        old_pod_is_read(case, statsd).await?;
        old_pod_is_read(case, json!({ "adminPort": 9000, "image": BROKEN })).await
    })
    .await
}

/// As with most frameworks' images: one port for all.
#[tokio::test]
#[ignore = "needs a cluster"]
async fn metrics_on_the_service_s_own_port_are_scraped_and_hidden_from_clients() -> Result<()> {
    e2e::run("metrics-path", async |case| {
        // The bundled service has them on both its ports.
        let monitoring = json!({ "interval": "2s", "port": "service" });
        case.apply_ready("m", json!({ "monitoring": monitoring })).await?;
        let metrics = case.service("m-metrics:metrics", "/metrics").await?;
        ensure!(metrics.contains("chassis_workers"), "{metrics}");
        let hidden = case.request("GET", "http://m/metrics", None).await?;
        ensure!(hidden.status == 404, "{hidden:?}");
        let instance =
            format!(r#"up{{namespace="{}",service="m",instance=~".*:8080"}} == 1"#, case.namespace);
        case.prometheus_until(&instance).await?;
        Ok(())
    })
    .await
}

/// While the new pod waits for its image.
async fn old_pod_is_read(case: &Case, spec: Value) -> Result<()> {
    case.apply("m", spec).await?;
    wait::list(&case.api::<Pod>(), managed("m"), "a new pod", wait::LONG, |pods| pods.len() == 2).await?;
    // Only when the operator has heard of that pod it has had the chance to err.
    case.condition("m", "Progressing", "True", "RollingOut").await?;
    let metrics = case.service("m-metrics:metrics", "/metrics").await?;
    ensure!(metrics.contains("chassis_workers"), "{metrics}");
    case.apply_ready("m", json!({})).await?;
    wait::list(&case.api::<Pod>(), managed("m"), "one pod", wait::LONG, |pods| pods.len() == 1).await?;
    Ok(())
}

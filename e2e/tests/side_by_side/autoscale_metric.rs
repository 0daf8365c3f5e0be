//! An autoscaler on busy workers, through Prometheus and prometheus-adapter, as docs/autoscaling.md
//! shows it: replicas are added under load and taken away after it; no request is lost.

use anyhow::{Context, Result, ensure};
use e2e::{Case, Load, wait};
use operator_core::api::Microservice;
use serde_json::{Value, json};

const MOST: i32 = 3;

#[tokio::test]
#[ignore = "needs a cluster"]
async fn replicas_follow_busy_workers_and_no_request_is_lost() -> Result<()> {
    e2e::run("autoscale-metric", async |case| {
        let api = ["get", "--raw", "/apis/custom.metrics.k8s.io/v1beta1"];
        if case.settings.state.is_none() && !case.kubectl().output(&api, "").await?.success {
            println!("skipped: the cluster has no prometheus-adapter");
            return Ok(());
        }
        let metric = json!({
            "metric": { "name": "microservice_load" },
            "target": { "type": "AverageValue", "averageValue": "700m" },
        });
        // One replica answers at most 40 requests a second.
        case.apply_ready(
            "a",
            json!({
                "concurrency": 2,
                "config": { "message": { "delay": "50ms" } },
                "monitoring": { "interval": "1s" },
            "autoscaling": {
                "maxReplicas": MOST,
                "metrics": [{ "type": "Pods", "pods": metric }],
                "behavior": { "scaleDown": { "stabilizationWindowSeconds": 10 } },
            },
            }),
        )
        .await?;
        served(case).await?;

        // All connections together are fewer than one replica takes, 2 worked on and 20 that wait. New
        // ones for each request: kept ones would stay with the replicas they know.
        let load = |rate, connections| Load {
            url: "http://a/microservice".into(),
            connections,
            requests: 0,
            rate: Some(rate),
            keepalive: false,
            until_told: true,
            ..Load::default()
        };
        let calm = case.start_load(&[load(5, 4)]).await?;
        let rush = case.start_load(&[load(75, 16)]).await?;
        scaled(case, MOST).await?;
        rush.stop().await?;
        let mut reports = rush.reports().await?;
        scaled(case, 1).await?;
        calm.stop().await?;
        reports.extend(calm.reports().await?);
        for report in &reports {
            println!("{report:?}");
            ensure!(report.failures() == 0 && report.sent > 100, "{report:?}");
        }
        Ok(())
    })
    .await
}

/// Waits until so many replicas are there and ready.
async fn scaled(case: &Case, wanted: i32) -> Result<()> {
    wait::found(&case.api::<Microservice>(), "a", &format!("{wanted} replicas"), wait::LONG, |found| {
        found.status.as_ref().is_some_and(|status| {
            (status.replicas, status.ready_replicas, status.capacity.replicas) == (wanted, wanted, wanted)
        })
    })
    .await?;
    Ok(())
}

/// Waits until the API that the autoscaler asks has the metric of the pod.
async fn served(case: &Case) -> Result<()> {
    case.prometheus_until(&format!(r#"up{{namespace="{}"}} == 1"#, case.namespace)).await?;
    let path =
        format!("/apis/custom.metrics.k8s.io/v1beta1/namespaces/{}/pods/*/microservice_load", case.namespace);
    let value = wait::until("microservice_load of a pod", wait::LONG, async || {
        let list: Value = serde_json::from_str(&case.api_server(&path).await?)?;
        Ok(list["items"].as_array().and_then(|items| items.first()).cloned())
    })
    .await?;
    println!("{value}");
    let of = value["describedObject"]["kind"].as_str().context("of nothing")?;
    ensure!(of == "Pod", "{value}");
    Ok(())
}

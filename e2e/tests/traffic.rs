//! No request is lost while pods come and go: steady load at a fixed rate, with kept connections and
//! with a new one for each request, through DNS, ClusterIP and nginx.

use anyhow::{Context, Result};
use e2e::{Case, Load, LoadReport};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    ResourceExt,
    api::{DeleteParams, EvictParams},
};
use serde_json::{Value, json};

const REPLICAS: i32 = 3;
const RATE: u32 = 250;
const REQUESTS: u32 = 6000;

/// Three replicas whose pods are told apart by `colour`.
fn spec(colour: &str, replicas: i32, concurrency: i32) -> Value {
    json!({
        "replicas": replicas,
        "concurrency": concurrency,
        "env": [{ "name": "COLOUR", "value": colour }],
        "config": { "message": { "delay": "5ms" } },
    })
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn no_request_is_lost() -> Result<()> {
    e2e::run("traffic", async |case| {
        case.apply_ready("t", spec("red", REPLICAS, 8)).await?;
        let mut lost = Vec::new();
        for change in ["rolling update", "scale down", "eviction", "deletion of a pod", "concurrency"] {
            let (kept, fresh) = (start(case, true).await?, start(case, false).await?);
            kept.running().await?;
            fresh.running().await?;
            make(case, change).await?;
            case.ready("t").await?;
            for (connections, report) in [("kept", kept.report().await?), ("new", fresh.report().await?)] {
                println!("{change}, {connections} connections: {report:?}");
                assert_eq!(report.sent, u64::from(REQUESTS));
                if failures(&report) > 0 {
                    lost.push(format!("{change}, {connections} connections: {report:?}"));
                }
            }
            case.apply_ready("t", spec("red", REPLICAS, 8)).await?;
        }
        assert!(lost.is_empty(), "lost: {lost:#?}");
        Ok(())
    })
    .await
}

async fn start(case: &Case, keepalive: bool) -> Result<e2e::LoadPod<'_>> {
    let url = "http://t/microservice";
    case.start_load(Load {
        url,
        connections: 24,
        requests: REQUESTS,
        data: "{}",
        keepalive,
        rate: Some(RATE),
    })
    .await
}

async fn make(case: &Case, change: &str) -> Result<()> {
    let pods = case.api::<Pod>();
    match change {
        "rolling update" => drop(case.apply("t", spec("green", REPLICAS, 8)).await?),
        "scale down" => drop(case.apply("t", spec("red", 1, 8)).await?),
        "concurrency" => drop(case.apply("t", spec("red", REPLICAS, 2)).await?),
        "eviction" => drop(pods.evict(&first(case).await?, &EvictParams::default()).await?),
        _ => drop(pods.delete(&first(case).await?, &DeleteParams::default()).await?),
    }
    Ok(())
}

async fn first(case: &Case) -> Result<String> {
    Ok(case.pods("t").await?.first().context("no pod")?.name_any())
}

/// Everything but the answer that was asked for.
fn failures(report: &LoadReport) -> u64 {
    report.sent - report.with_status(200)
}

//! What other people keep in the cluster costs the operator nothing.

use anyhow::{Context, Result, ensure};
use e2e::{OperatorPod, parse_metrics, sum};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::PostParams;
use serde_json::json;

/// Foreign objects of each kind, and the bytes in each: 48 MB together.
const OBJECTS: usize = 30;
const SIZE: usize = 800_000;

/// peers: mcp-lifecycle-operator#299, k8ssandra-operator#1752, bpfman-operator#56,
/// VictoriaMetrics/operator#1245
#[tokio::test]
#[ignore = "needs a cluster"]
async fn foreign_config_maps_and_secrets_are_not_kept_in_memory() -> Result<()> {
    e2e::run_alone("memory", async |case| {
        case.apply_ready("m", json!({ "replicas": 0 })).await?;
        let operator = case.operator().await?;
        let before = memory(&operator).await?;
        let content = "x".repeat(SIZE);
        stream::iter(0..OBJECTS)
            .map(|index| {
                let (content, case) = (&content, &case);
                async move {
                    let (metadata, data) =
                        (json!({ "name": format!("big-{index}") }), json!({ "data": content }));
                    let object = json!({ "metadata": metadata, "data": data });
                    let map: ConfigMap = serde_json::from_value(object)?;
                    case.api().create(&PostParams::default(), &map).await?;
                    let secret: Secret =
                        serde_json::from_value(json!({ "metadata": metadata, "stringData": data }))?;
                    case.api().create(&PostParams::default(), &secret).await?;
                    anyhow::Ok(())
                }
            })
            .buffer_unordered(2)
            .try_collect::<()>()
            .await?;
        // It has worked since, so that whatever it is told of has arrived.
        case.apply_ready("m", json!({ "replicas": 0, "concurrency": 5 })).await?;
        operator.ensure_not_restarted().await?;
        let grown = memory(&operator).await? - before;
        ensure!(grown < 15e6, "{grown} bytes more for objects that are not ours");
        Ok(())
    })
    .await
}

async fn memory(operator: &OperatorPod<'_>) -> Result<f64> {
    let samples = parse_metrics(&operator.get("/metrics").await?);
    sum(&samples, "process_resident_memory_bytes").context("no memory")
}

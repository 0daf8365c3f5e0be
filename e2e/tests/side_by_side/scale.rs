//! `kubectl scale` changes the number of pods.

use anyhow::Result;
use e2e::{is_ready_at, wait};
use operator_core::api::Microservice;
use serde_json::json;

/// contract 3.2.17
/// peers: opentelemetry-operator#775, prometheus-operator#4952, kcp-operator#192, restate-operator#139
#[tokio::test]
#[ignore = "needs a cluster"]
async fn kubectl_scale_changes_the_replicas() -> Result<()> {
    e2e::run("scale", async |case| {
        case.apply_ready("s", json!({})).await?;
        for replicas in [3, 1, 0, 1] {
            case.kubectl().run(&["scale", "msvc/s", &format!("--replicas={replicas}")]).await?;
            let api = case.api::<Microservice>();
            let generation = api.get("s").await?.metadata.generation.unwrap_or_default();
            wait::found(&api, "s", &format!("{replicas} replicas"), wait::LONG, |found| {
                is_ready_at(found, generation)
                    && found.status.as_ref().is_some_and(|status| {
                        let counts = (status.replicas, status.ready_replicas, status.updated_replicas);
                        let capacity = (status.capacity.replicas, status.capacity.total);
                        counts == (replicas, replicas, replicas) && capacity == (replicas, 4 * replicas)
                    })
            })
            .await?;
            assert_eq!(i32::try_from(case.pods("s").await?.len())?, replicas);
        }
        // What an autoscaler reads.
        let scale = case.kubectl().run(&["get", "--subresource=scale", "msvc/s", "-o", "json"]).await?;
        let scale: serde_json::Value = serde_json::from_str(&scale)?;
        assert_eq!(scale["status"]["selector"], "microservice.dev/name=s", "{scale}");
        Ok(())
    })
    .await
}

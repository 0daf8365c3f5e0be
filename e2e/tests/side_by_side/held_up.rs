//! What holds pods or a rollout up is named, and taking capacity away works whatever else is wrong.

use anyhow::Result;
use e2e::{message, wait};
use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use serde_json::{Value, json};

#[tokio::test]
#[ignore = "needs a cluster"]
async fn capacity_can_be_taken_away_whatever_else_is_wrong() -> Result<()> {
    e2e::run("take-away", async |case| {
        let deployments = case.api::<Deployment>();
        let rows: [(&str, Value, &str); 2] = [
            ("secret", json!({ "envFrom": [{ "secretRef": { "name": "gone" } }] }), "ReferenceMissing"),
            ("snippet", json!({ "proxy": { "extraConfig": { "http": "map $a $b {" } } }), "InvalidSpec"),
        ];
        for (name, wrong, reason) in rows {
            case.apply_ready(name, json!({ "replicas": 2 })).await?;
            for (change, replicas) in [(json!({ "replicas": 1 }), 1), (json!({ "stopped": true }), 0)] {
                let mut spec = wrong.clone();
                spec.as_object_mut()
                    .into_iter()
                    .for_each(|spec| spec.extend(change.as_object().cloned().unwrap_or_default()));
                case.apply(name, spec).await?;
                case.condition(name, "Accepted", "False", reason).await?;
                wait::found(&deployments, name, &format!("{replicas} replicas"), wait::SHORT, |found| {
                    found.spec.as_ref().and_then(|spec| spec.replicas) == Some(replicas)
                })
                .await?;
            }
        }
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn what_a_pod_in_container_creating_waits_for_is_named() -> Result<()> {
    e2e::run("creating", async |case| {
        case.apply("m", json!({ "proxy": { "tls": { "secretName": "no-such-certificate" } } })).await?;
        let failed = case.condition("m", "Ready", "False", "ContainerConfigError").await?;
        let words = message(&failed, "Ready");
        let pod = case.pods("m").await?.pop().map(|pod| pod.name_any()).unwrap_or_default();
        assert!(words.contains("no-such-certificate") && words.contains(&pod), "{words}");
        case.apply_ready("m", json!({})).await?;
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn a_rollout_that_somebody_paused_says_so() -> Result<()> {
    e2e::run("paused", async |case| {
        case.apply_ready("m", json!({})).await?;
        case.kubectl().run(&["rollout", "pause", "deployment/m"]).await?;
        case.apply("m", json!({ "env": [{ "name": "A", "value": "1" }] })).await?;
        let paused = case.condition("m", "Ready", "False", "Paused").await?;
        let words = message(&paused, "Ready");
        assert!(words.contains("kubectl rollout resume deployment/m"), "{words}");
        case.kubectl().run(&["rollout", "resume", "deployment/m"]).await?;
        case.ready("m").await?;
        Ok(())
    })
    .await
}

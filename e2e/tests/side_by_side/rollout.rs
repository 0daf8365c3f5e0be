//! A change of the pods: new ones are ready before old ones go, and Ready tells the truth meanwhile.

use anyhow::{Context, Result};
use e2e::{Recording, condition, managed};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Pod};
use kube::{ResourceExt, runtime::watcher};
use operator_core::api::Microservice;
use serde_json::json;

const REPLICAS: i32 = 2;

#[tokio::test]
#[ignore = "needs a cluster"]
async fn new_pods_are_ready_before_old_ones_go() -> Result<()> {
    e2e::run("rollout", async |case| {
        case.apply_ready("r", json!({ "replicas": REPLICAS })).await?;
        let old = hash(case.pods("r").await?.first().context("no pod")?);

        let microservices = Recording::start(case.api::<Microservice>(), watcher::Config::default());
        let deployments = Recording::start(case.api::<Deployment>(), managed("r"));
        let spec = json!({ "replicas": REPLICAS, "env": [{ "name": "COLOUR", "value": "green" }] });
        let generation = case.apply("r", spec).await?.metadata.generation;
        case.ready("r").await?;
        // Old pods only go, so any that is there now was there when Ready was said.
        let pods = case.pods("r").await?;
        assert!(pods.iter().all(|pod| hash(pod) != old), "Ready while pods run the old spec");
        assert_eq!(i32::try_from(pods.len())?, REPLICAS);

        let ready: Vec<_> =
            microservices.versions().into_iter().filter(|m| is_ready_of(m, generation)).collect();
        assert!(!ready.is_empty(), "the recording has no Ready");
        for microservice in ready {
            let status = microservice.status.context("no status")?;
            let counts = (status.replicas, status.ready_replicas, status.updated_replicas);
            assert_eq!(counts, (REPLICAS, REPLICAS, REPLICAS), "Ready too early");
            assert_eq!(Some(status.observed_generation), generation);
        }
        let versions = deployments.versions();
        assert!(versions.len() > 2, "the recording has no rollout");
        for deployment in versions {
            let available =
                deployment.status.and_then(|status| status.available_replicas).unwrap_or_default();
            assert!(available >= REPLICAS, "only {available} pods answered at some moment");
        }
        Ok(())
    })
    .await
}

/// peers: opentelemetry-operator#1355, fluxcd/helm-controller#265, keda#8035
#[tokio::test]
#[ignore = "needs a cluster"]
async fn an_image_that_fails_leaves_the_old_pods_alone() -> Result<()> {
    e2e::run("rollout-fails", async |case| {
        case.apply_ready("r", json!({ "replicas": REPLICAS })).await?;
        let old = hash(case.pods("r").await?.first().context("no pod")?);
        let spec = json!({ "replicas": REPLICAS, "image": "registry.invalid/app:broken" });
        case.apply("r", spec).await?;
        let failed = case.condition("r", "Ready", "False", "ImagePullFailed").await?;
        assert_eq!(
            condition(&failed, "Available").map(|c| c.status.as_str()),
            Some("True"),
            "{:?}",
            failed.status
        );
        let left = case.pods("r").await?.iter().filter(|pod| hash(pod) == old).count();
        assert_eq!(i32::try_from(left)?, REPLICAS, "old pods");
        assert_eq!(case.request("POST", "http://r/microservice", Some("{}")).await?.status, 200);
        // Back to what it was: no pod has to be made.
        case.apply_ready("r", json!({ "replicas": REPLICAS })).await?;
        assert!(case.pods("r").await?.iter().all(|pod| hash(pod) == old));
        Ok(())
    })
    .await
}

/// For a volume that only one pod may mount.
#[tokio::test]
#[ignore = "needs a cluster"]
async fn with_recreate_the_old_pod_has_ended_before_the_new_one_begins() -> Result<()> {
    e2e::run("recreate", async |case| {
        case.apply_ready("r", json!({})).await?;
        let before = case.pods("r").await?.pop().context("no pod")?;
        let pods = Recording::start(case.api::<Pod>(), managed("r"));
        let spec =
            json!({ "rollout": { "strategy": "Recreate" }, "env": [{ "name": "COLOUR", "value": "green" }] });
        case.apply_ready("r", spec).await?;
        let after = case.pods("r").await?.pop().context("no pod")?;
        assert_ne!(hash(&before), hash(&after));

        let versions = pods.versions();
        let uids: Vec<_> = versions.iter().map(ResourceExt::uid).collect();
        let first = uids.iter().position(|uid| *uid == after.uid()).context("the new pod is not recorded")?;
        let last =
            versions.iter().take(first).rfind(|pod| pod.uid() == before.uid()).context("no old pod")?;
        let has_ended = |phase: &str| matches!(phase, "Succeeded" | "Failed");
        let phase = last.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default();
        let is_gone = !uids.iter().skip(first).any(|uid| *uid == before.uid());
        assert!(last.metadata.deletion_timestamp.is_some() && (is_gone || has_ended(phase)), "{last:?}");

        // And back: the API server takes the numbers again.
        case.apply_ready("r", json!({ "rollout": { "maxSurge": 2 } })).await?;
        let deployment = case.api::<Deployment>().get("r").await?;
        let strategy = deployment.spec.and_then(|spec| spec.strategy).context("no strategy")?;
        assert_eq!(strategy.type_.as_deref(), Some("RollingUpdate"));
        Ok(())
    })
    .await
}

/// Which version of the pod template a pod was made from.
fn hash(pod: &Pod) -> String {
    pod.labels().get("pod-template-hash").cloned().unwrap_or_default()
}

fn is_ready_of(microservice: &Microservice, generation: Option<i64>) -> bool {
    condition(microservice, "Ready")
        .is_some_and(|ready| ready.status == "True" && ready.observed_generation == generation)
}

//! Evictions, stopping, and pausing the operator.

use anyhow::{Context, Result, ensure};
use e2e::{Case, condition, reason, status, wait};
use k8s_openapi::api::{
    core::v1::{ConfigMap, Pod},
    policy::v1::PodDisruptionBudget,
};
use kube::{
    Api, Client, Config, Error, ResourceExt,
    api::{EvictParams, Patch, PatchParams},
};
use operator_core::api::Microservice;
use serde_json::json;

/// peers: nais/naiserator#290, tektoncd/pipeline#3654, kube-prometheus#1035, stackabletech/operator-rs#655
#[tokio::test]
#[ignore = "needs a cluster"]
async fn evictions_take_one_pod_at_a_time_and_a_single_one_is_no_obstacle() -> Result<()> {
    e2e::run("disruption", async |case| {
        case.apply_ready("d", json!({ "replicas": 2 })).await?;
        let budgets = case.api::<PodDisruptionBudget>();
        wait::found(&budgets, "d", "one eviction allowed", wait::SHORT, |found| {
            found.status.as_ref().is_some_and(|status| status.disruptions_allowed == 1)
        })
        .await?;
        let pods = case.pods("d").await?;
        let [first, second] = &pods[..] else { anyhow::bail!("{} pods", pods.len()) };
        ensure!(evict(case, first).await?, "the first eviction was refused");
        ensure!(!evict(case, second).await?, "two pods may go at a time");

        case.apply("d", json!({ "replicas": 1 })).await?;
        wait::object(&budgets, "d", "no budget for one pod", wait::SHORT, |found| found.is_none()).await?;
        case.ready("d").await?;
        let pods = case.pods("d").await?;
        ensure!(
            evict(case, pods.first().context("no pod")?).await?,
            "a single pod keeps its node from being drained"
        );

        // With autoscaling the one pod may become many: there is a budget, and that is no obstacle either.
        case.apply("d", json!({ "autoscaling": { "maxReplicas": 5 } })).await?;
        wait::found(&budgets, "d", "one eviction of one pod allowed", wait::LONG, |found| {
            let status = found.status.as_ref();
            status.is_some_and(|status| status.expected_pods == 1 && status.disruptions_allowed == 1)
        })
        .await?;
        let pods = case.pods("d").await?;
        ensure!(
            evict(case, pods.first().context("no pod")?).await?,
            "a budget for more pods keeps the only one's node from being drained"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn what_is_stopped_comes_back_as_it_was() -> Result<()> {
    e2e::run("stopped", async |case| {
        case.apply_ready("d", json!({ "replicas": 2 })).await?;
        case.apply("d", json!({ "replicas": 2, "stopped": true })).await?;
        let stopped = case.condition("d", "Ready", "True", "Stopped").await?;
        assert_eq!(stopped.status.context("no status")?.capacity.total, 0);
        assert!(case.pods("d").await?.is_empty());
        for kept in ["service/d", "configmap/d", "deployment/d", "pdb/d"] {
            case.kubectl().run(&["get", kept]).await?;
        }
        case.apply_ready("d", json!({ "replicas": 2 })).await?;
        assert_eq!(case.pods("d").await?.len(), 2);
        Ok(())
    })
    .await
}

/// peers: infinispan-operator#2578, strimzi#4551
#[tokio::test]
#[ignore = "needs a cluster"]
async fn a_suspended_microservice_is_left_alone() -> Result<()> {
    e2e::run("suspended", async |case| {
        case.apply_ready("d", json!({})).await?;
        case.apply("d", json!({ "suspend": true, "replicas": 3 })).await?;
        let suspended = case.condition("d", "Ready", "Unknown", "Suspended").await?;
        assert_eq!((status(&suspended, "Accepted"), status(&suspended, "Available")), ("True", "True"));
        assert_eq!(reason(&suspended, "Progressing"), "Suspended");
        let drift = Patch::Merge(json!({ "data": { "concurrency": "7" } }));
        let maps = case.api::<ConfigMap>();
        maps.patch("d", &PatchParams::default(), &drift).await?;
        // A second Microservice goes through the operator meanwhile.
        case.apply_ready("other", json!({ "replicas": 0 })).await?;
        assert_eq!(value(&maps.get("d").await?), "7", "drift was repaired");
        assert_eq!(case.pods("d").await?.len(), 1, "the spec was followed");
        assert_eq!(
            condition(&case.api::<Microservice>().get("d").await?, "Ready").map(|c| &*c.reason),
            Some("Suspended")
        );

        case.apply_ready("d", json!({})).await?;
        wait::found(&maps, "d", "the drift to be repaired", wait::SHORT, |map| value(map) == "4").await?;
        Ok(())
    })
    .await
}

fn value(map: &ConfigMap) -> &str {
    map.data.as_ref().and_then(|data| data.get("concurrency")).map_or("", String::as_str)
}

/// Asks to evict a pod, as `kubectl drain` does; false if the budget refuses.
async fn evict(case: &Case, pod: &Pod) -> Result<bool> {
    // A refusal is 429, which a client would try again by default.
    let mut config = Config::infer().await?;
    config.default_retry = false;
    let pods = Api::<Pod>::namespaced(Client::try_from(config)?, &case.namespace);
    match pods.evict(&pod.name_any(), &EvictParams::default()).await {
        Ok(_) => Ok(true),
        Err(Error::Api(status)) if status.code == 429 => Ok(false),
        Err(error) => Err(error.into()),
    }
}

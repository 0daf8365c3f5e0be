//! The operator dies in the middle of a rollout; the other one ends it, once.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use e2e::{AFTER_DEATH, Case, Process, wait};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use kube::{ResourceExt, api::ListParams};
use serde_json::{Value, json};

const REVISION: &str = "deployment.kubernetes.io/revision";

fn spec(round: usize) -> Value {
    json!({ "replicas": 2, "env": [{ "name": "ROUND", "value": round.to_string() }] })
}

/// Ends the operator without warning, and waits until another leads. Where its process is this machine's it
/// is killed with signal 9; elsewhere its pod is deleted without grace.
async fn kill(case: &Case) -> Result<()> {
    let (operator, _) = case.leader_and_standby().await?;
    let holder = case.lease_holder().await?.context("nobody holds the lease")?;
    let began = Instant::now();
    match case.settings.state {
        Some(_) => Process::of(&operator.pod, "microservice-operator")?.kill()?,
        None => operator.delete_at_once().await?,
    }
    let took = case.lease_taken_from(&holder).await? - began;
    println!("killed: another leads after {took:?}");
    ensure!(took <= AFTER_DEATH, "nobody took the lease in time");
    Ok(())
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn a_rollout_survives_the_operator() -> Result<()> {
    e2e::run_alone("operator-restart", async |case| {
        case.apply_ready("r", spec(0)).await?;

        // Before or after it has seen the change: at whatever step that meets it.
        case.apply("r", spec(1)).await?;
        kill(case).await?;
        converged(case, 2).await?;

        // With the rollout under way.
        case.apply("r", spec(2)).await?;
        let deployments = case.api::<Deployment>();
        wait::found(&deployments, "r", "a rollout under way", wait::SHORT, |found| revision(found) == "3")
            .await?;
        case.operator().await?.delete_at_once().await?;
        converged(case, 3).await
    })
    .await
}

/// Ready, with one ReplicaSet that has pods, and as many rollouts as there were changes.
async fn converged(case: &Case, rollouts: usize) -> Result<()> {
    case.operator().await?;
    case.ready("r").await?;
    let deployment = case.api::<Deployment>().get("r").await?;
    assert_eq!(revision(&deployment), rollouts.to_string(), "rollouts, the first included");
    let params = ListParams::default().labels("microservice.dev/name=r");
    let sets = case.api::<ReplicaSet>().list(&params).await?.items;
    assert_eq!(sets.len(), rollouts, "one ReplicaSet for each rollout");
    let with_pods = sets.iter().filter(|set| set.status.as_ref().is_some_and(|status| status.replicas > 0));
    assert_eq!(with_pods.count(), 1, "ReplicaSets with pods");
    assert_eq!(case.pods("r").await?.len(), 2);
    let container =
        deployment.spec.and_then(|spec| spec.template.spec).context("no pod")?.containers.swap_remove(0);
    let round = container.env.unwrap_or_default().into_iter().find(|variable| variable.name == "ROUND");
    assert_eq!(round.and_then(|variable| variable.value), Some((rollouts - 1).to_string()));
    Ok(())
}

fn revision(deployment: &Deployment) -> &str {
    deployment.annotations().get(REVISION).map_or("", String::as_str)
}

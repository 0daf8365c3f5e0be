//! Of two operators, one that loses the lease without being asked.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use e2e::{AFTER_DEATH, Case, OperatorPod, Process, Undo, parse_metrics, sum};
use k8s_openapi::api::core::v1::Service;
use kube::Api;
use serde_json::json;

/// The one that works is frozen, and cut off from the API server: another takes over, and the first
/// writes no more, neither meanwhile nor when it is itself again.
/// peers: kube-rs/kube#485, kaniop#866, home-operations/kopiur#319, rustfs/operator#133
#[tokio::test]
#[ignore = "needs a cluster"]
async fn one_that_lost_the_lease_unasked_writes_no_more() -> Result<()> {
    e2e::run_alone("lost-lease", async |case| {
        if case.settings.state.is_none() {
            println!("skipped: the processes of this cluster's nodes are out of reach");
            return Ok(());
        }
        let services = Api::<Service>::namespaced(case.client.clone(), "default");
        let server = services.get("kubernetes").await?.spec.and_then(|spec| spec.cluster_ip);
        let server = server.context("the API server has no address in the cluster")?;
        loses_it_unasked(case, "frozen", Process::freeze).await?;
        loses_it_unasked(case, "cut-off", |process| process.cut_off(&server)).await
    })
    .await
}

async fn loses_it_unasked(
    case: &Case,
    name: &str,
    hold: impl FnOnce(&Process) -> Result<Undo>,
) -> Result<()> {
    let (leader, _) = case.leader_and_standby().await?;
    let holder = case.lease_holder().await?.context("nobody holds the lease")?;
    let before = writes(&leader).await?;
    let undo = hold(&Process::of(&leader.pod, "microservice-operator")?)?;
    let began = Instant::now();
    case.apply(name, json!({})).await?;
    let took = case.lease_taken_from(&holder).await? - began;
    println!("{name}: another leads after {took:?}");
    ensure!(took <= AFTER_DEATH, "nobody took the lease in time");
    case.ready(name).await?;
    drop(undo);
    case.leader_and_standby().await?;
    // It may have ended itself, and begun anew with nothing counted.
    let after = writes(&leader).await?;
    ensure!(after <= before, "{name}: it wrote {} objects after it had lost the lease", after - before);
    Ok(())
}

async fn writes(operator: &OperatorPod<'_>) -> Result<f64> {
    let samples = parse_metrics(&operator.get("/metrics").await?);
    Ok(sum(&samples, "microservice_operator_writes_total").unwrap_or_default())
}

//! Of two operators one works; when it ends the other goes on.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::{Case, OperatorPod, parse_metrics, sum, wait};
use serde_json::json;

/// The 2 s, and some.
const AFTER_RELEASE: Duration = Duration::from_secs(2 + 5);

/// peers: opentelemetry-operator#3058, azure-service-operator#4226
#[tokio::test]
#[ignore = "needs a cluster"]
async fn one_works_and_another_takes_over() -> Result<()> {
    e2e::run_alone("leader", async |case| {
        let (leader, standby) = case.leader_and_standby().await?;
        standby.get("/readyz").await.context("a standby is ready")?;
        let (idle, busy) = (work(&standby).await?, work(&leader).await?);
        case.apply_ready("first", json!({})).await?;
        assert!(work(&standby).await? <= idle, "a standby reconciled or wrote");
        assert!(work(&leader).await? > busy, "the leader did not work, the comparison is blind");

        let holder = case.lease_holder().await?.context("nobody holds the lease")?;
        let began = Instant::now();
        leader.delete().await?;
        case.apply("second", json!({})).await?;
        let released = changed(case, &holder).await?;
        println!("asked to end: the lease is released after {:?}", released - began);
        let succeeded = case.lease_taken_from(&holder).await?;
        println!("asked to end: it is taken {:?} after that", succeeded - released);
        ensure!(succeeded - released <= AFTER_RELEASE, "nobody took the lease in time");
        case.ready("second").await?;
        case.leader_and_standby().await?;
        Ok(())
    })
    .await
}

/// Reconciles and writes that it counted.
async fn work(operator: &OperatorPod<'_>) -> Result<f64> {
    let samples = parse_metrics(&operator.get("/metrics").await?);
    let names =
        ["microservice_operator_reconcile_duration_seconds_count", "microservice_operator_writes_total"];
    Ok(names.iter().filter_map(|name| sum(&samples, name)).sum())
}

/// When the lease is not `holder`'s any more.
async fn changed(case: &Case, holder: &str) -> Result<Instant> {
    wait::until("the lease to be released", wait::LONG, async || {
        Ok((case.lease_holder().await?.as_deref() != Some(holder)).then(Instant::now))
    })
    .await
}

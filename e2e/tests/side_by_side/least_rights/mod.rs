//! The operator needs each right that the chart gives it, and no other: without it, what it is for
//! fails; with all of them nothing is refused.
//!
//! The rights are those of the rendered chart. One that is added there fails this test until a check
//! here shows what it is for. The definition of HTTPRoute is installed meanwhile: no other
//! test beside it may do that.

mod everywhere;
mod kinds;
mod lease;
mod listed;
mod namespace;
mod pods;
mod refused;
mod watched;

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use e2e::{Case, ChartRights, Rights};

#[tokio::test]
#[ignore = "needs a cluster"]
async fn each_right_is_needed_and_no_other() -> Result<()> {
    e2e::run("least-rights", async |case| Box::pin(check(case)).await).await
}

async fn check(case: &Case) -> Result<()> {
    case.keep_installed_operator_out().await?;
    let ChartRights { services, lease } = case.chart_rights(&[&case.namespace]).await?;
    let whole = case.chart_rights(&[]).await?;
    ensure!(whole.lease == lease, "another Lease with scope.namespaces");
    ensure!(whole.services.is_superset(&services), "a Role has a right that the ClusterRole has not");
    let everywhere: Rights = whole.services.difference(&services).cloned().collect();

    let in_namespaces = kinds::rights().chain(pods::rights()).chain(watched::rights());
    same(&services, &in_namespaces.chain(namespace::rights()).collect::<Vec<_>>())?;
    same(&everywhere, &everywhere::rights())?;
    same(&lease, &lease::rights())?;

    lease::check(case, &lease).await.context("the Lease")?;
    let watches = everywhere::Watches::start(case, &whole.services).await?;
    case.with_http_routes(async || {
        watches.check(case).await.context("the whole cluster")?;
        namespace::check(case, &services).await
    })
    .await
}

/// Does each right of the chart have its check, and each check its right?
fn same(chart: &Rights, checked: &[String]) -> Result<()> {
    let given: BTreeSet<_> = chart.iter().map(ToString::to_string).collect();
    ensure!(given.len() == chart.len(), "a right twice, in two API groups or for several names: {chart:?}");
    let checked: BTreeSet<_> = checked.iter().cloned().collect();
    let unchecked: Vec<_> = given.difference(&checked).collect();
    ensure!(unchecked.is_empty(), "nothing here shows what the chart's rights are for: {unchecked:?}");
    let missing: Vec<_> = checked.difference(&given).collect();
    ensure!(missing.is_empty(), "the chart does not give {missing:?}");
    Ok(())
}

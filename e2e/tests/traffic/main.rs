//! No request is lost while pods come and go: steady load, each request due at its own time, through
//! ClusterIP and NodePort, GET and POST, with kept connections and with a new one for each request.
//!
//! peers: knative/serving#16162, knative/serving#15211, kubernetes/ingress-nginx#7097
//!
//! `E2E_TRAFFIC_TABLE=FILE` runs every change, with a million requests, and the controls; it wants
//! `E2E_NEXT_SERVICE_IMAGE`, another name of the service's image. Without it the five most delicate ones
//! (see [`plan::Plan`]).

mod bed;
mod change;
mod control;
mod plan;
mod table;

use std::time::Instant;

use anyhow::Result;
use e2e::{Case, LoadReport};

use crate::{bed::Bed, change::Change, control::Control, plan::Plan, table::Table};

#[tokio::test]
#[ignore = "needs a cluster"]
async fn no_request_is_lost() -> Result<()> {
    let plan = Plan::from_env();
    e2e::run_within("traffic", plan.limit, async |case| {
        let mut table = Table::default();
        let outcome = measure_all(case, &plan, &mut table).await;
        println!("{table}");
        outcome?;
        if let Some(path) = &plan.table {
            std::fs::write(path, table.to_string())?;
        }
        table.check(plan.least)
    })
    .await
}

async fn measure_all(case: &Case, plan: &Plan, table: &mut Table) -> Result<()> {
    let bed = Bed::make(case).await?;
    for change in plan.changes {
        measure(case, plan, &bed, *change, table).await?;
    }
    if plan.table.is_none() {
        return Ok(());
    }
    control::without_operator(case, async |whole| {
        for control in Control::ALL {
            let began = Instant::now();
            control.set(case, whole).await?;
            let load = bed.start(case, plan.rate, plan.seconds).await?;
            control.make(case).await?;
            load.stop().await?;
            report(table, control.name(), load.reports().await?, began);
        }
        Ok(())
    })
    .await?;
    // It repairs what the controls left out.
    bed.restore(case).await
}

/// Makes the change under load.
async fn measure(case: &Case, plan: &Plan, bed: &Bed, change: Change, table: &mut Table) -> Result<()> {
    let began = Instant::now();
    let load = bed.start(case, plan.rate, plan.seconds).await?;
    let bounded = change.make(case, plan.thorough).await?;
    bed::settled(case, change.leaves(plan.thorough)).await?;
    load.stop().await?;
    let reports = load.reports().await?;
    if let Some(bound) = bounded {
        bound.check(plan.rate(), &reports)?;
    }
    report(table, change.name(), reports, began);
    bed.restore(case).await
}

fn report(table: &mut Table, name: &'static str, reports: Vec<LoadReport>, began: Instant) {
    let (failed, sent) = table.add(name, reports);
    println!("{name}: {failed} of {sent} failed; {:.0} s", began.elapsed().as_secs_f64());
}

//! The Prometheus Operator's definitions go and come while our operator runs.
//!
//! The test deletes definitions of the cluster and with them every object of their kinds; it puts back
//! all of it, also when it fails.
//!
//! peers: RCO#67, rajsinghtech/homer-operator#23, thanos-operator#113, redpanda-data/redpanda#13321,
//! che image-puller#74

use anyhow::Result;
use e2e::{Case, status, wait};
use kube::ResourceExt;
use operator_core::{api::Microservice, model::Kind};
use serde_json::{Value, json};

const MONITORS: &str = "servicemonitors.monitoring.coreos.com";
const RULES: &str = "prometheusrules.monitoring.coreos.com";
const PROMETHEUSES: &str = "prometheuses.monitoring.coreos.com";

#[tokio::test]
#[ignore = "needs a cluster"]
async fn monitors_come_with_their_crd() -> Result<()> {
    e2e::run_alone("monitor-crd", async |case| {
        case.apply_ready("early", spec(4)).await?;
        selected(case, "early").await?;
        let (operator, pods) = (case.operator().await?, pods(case).await?);

        case.without_definitions(&[MONITORS], async || without_monitors(case).await).await?;
        for name in ["early", "late"] {
            there(case, Kind::ServiceMonitor, name).await?;
            selected(case, name).await?;
        }

        case.without_definitions(&[RULES, PROMETHEUSES], async || without_prometheus(case).await).await?;
        for name in ["early", "late"] {
            there(case, Kind::PrometheusRule, name).await?;
            selected(case, name).await?;
            warned(case, name, false).await?;
        }

        assert_eq!(self::pods(case).await?, pods, "pods were replaced");
        operator.ensure_not_restarted().await?;
        // Prometheus went with its definition; other tests ask it.
        case.prometheus_until("up == 1").await.map(drop)
    })
    .await
}

async fn without_monitors(case: &Case) -> Result<()> {
    let missing = ("False", "ServiceMonitorCRDMissing");
    works(case, "early", missing).await?;
    // Changes and new ones are worked on as ever.
    case.apply_ready("early", spec(5)).await?;
    case.apply_ready("late", spec(4)).await?;
    works(case, "late", missing).await
}

async fn without_prometheus(case: &Case) -> Result<()> {
    for name in ["early", "late"] {
        works(case, name, ("Unknown", "NoPrometheusSeen")).await?;
        warned(case, name, true).await?;
    }
    case.apply_ready("early", spec(6)).await?;
    there(case, Kind::ServiceMonitor, "early").await
}

/// A change of the workers takes no new pods.
fn spec(concurrency: i32) -> Value {
    json!({ "concurrency": concurrency, "monitoring": { "rules": {} } })
}

async fn selected(case: &Case, name: &str) -> Result<()> {
    case.condition(name, "Monitored", "True", "ServiceMonitorSelected").await.map(drop)
}

/// It says what it lacks, and the rest works.
async fn works(case: &Case, name: &str, (monitored, reason): (&str, &str)) -> Result<()> {
    let found = case.condition(name, "Monitored", monitored, reason).await?;
    assert_eq!(status(&found, "Ready"), "True", "the rest works");
    Ok(())
}

/// Waits until the missing alerts are told, or are not any more.
async fn warned(case: &Case, name: &str, warned: bool) -> Result<()> {
    let what = format!("the warning that alerts are missing to be there: {warned}");
    wait::found(&case.api::<Microservice>(), name, &what, wait::LONG, |found| {
        let mut problems = found.status.iter().flat_map(|status| &status.problems);
        problems.any(|problem| problem.field == "spec.monitoring.rules") == warned
    })
    .await
    .map(drop)
}

async fn there(case: &Case, kind: Kind, name: &str) -> Result<()> {
    let what = format!("its {}", kind.name());
    wait::found(&case.dynamic(&kind.resource()), name, &what, wait::LONG, |_| true).await.map(drop)
}

async fn pods(case: &Case) -> Result<Vec<Option<String>>> {
    Ok(case.pods("early").await?.iter().map(ResourceExt::uid).collect())
}

//! A Microservice that the operator can't read, such as one of a later version, hinders no other.
//!
//! The test lets the definition take a word that the operator does not know, and takes that back, also
//! when it fails.

use anyhow::{Context, Result};
use e2e::{Case, parse_metrics, sum, wait};
use kube::api::{ApiResource, Patch, PatchParams};
use operator_core::api::Microservice;
use serde_json::{Value, json};

const DEFINITION: &str = "microservices.microservice.dev";
const WORDS: &str = "/0/schema/openAPIV3Schema/properties/spec/properties/upgradePolicy/enum";

#[tokio::test]
#[ignore = "needs a cluster"]
async fn one_that_cannot_be_read_hinders_no_other() -> Result<()> {
    e2e::run_alone("unreadable", async |case| {
        case.apply("early", json!({ "replicas": 0 })).await?;
        let allow = |versions: &mut Value| {
            let words = versions.pointer_mut(WORDS).and_then(Value::as_array_mut);
            words.expect("no list of words").push("Sometimes".into());
        };
        case.with_definition_changed(DEFINITION, allow, async || unreadable(case).await).await
    })
    .await
}

async fn unreadable(case: &Case) -> Result<()> {
    wait::until("the API server to take the word", wait::SHORT, async || {
        apply(case, "Sometimes").await.map(Some)
    })
    .await?;
    counted(case, 1.0).await?;
    let log = case.operator().await?.logs().await?;
    let line = log.lines().find(|line| line.contains("can't be read") && line.contains(&case.namespace));
    assert!(line.is_some_and(|line| line.contains("unreadable") && line.contains("Sometimes")), "{line:?}");

    // The watch goes on, and so does an operator that begins with a list of all.
    case.apply_ready("early", json!({ "replicas": 1 })).await?;
    case.operator().await?.delete().await?;
    counted(case, 1.0).await?;
    case.apply_ready("early", json!({ "replicas": 2 })).await?;
    let left = case.dynamic(&ApiResource::erase::<Microservice>(&())).get("unreadable").await?;
    assert!(left.data.get("status").is_none(), "it was touched: {left:?}");

    apply(case, "Auto").await?;
    counted(case, 0.0).await?;
    case.ready("unreadable").await.map(drop)
}

async fn apply(case: &Case, policy: &str) -> Result<()> {
    let object = json!({
        "apiVersion": "microservice.dev/v1alpha1", "kind": "Microservice",
        "metadata": { "name": "unreadable" }, "spec": { "upgradePolicy": policy },
    });
    let api = case.dynamic(&ApiResource::erase::<Microservice>(&()));
    api.patch("unreadable", &PatchParams::apply("e2e").force(), &Patch::Apply(object)).await?;
    Ok(())
}

/// Waits until the operator that works says that so many can't be read.
async fn counted(case: &Case, count: f64) -> Result<()> {
    wait::until(&format!("{count} to be unreadable"), wait::LONG, async || {
        let samples = parse_metrics(&case.operator().await?.get("/metrics").await?);
        let now = sum(&samples, "microservice_operator_unreadable").context("no metric")?;
        #[allow(clippy::float_cmp)] // They are whole numbers.
        Ok((now == count).then_some(()))
    })
    .await
}

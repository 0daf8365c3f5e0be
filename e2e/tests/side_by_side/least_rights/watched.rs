//! What a watch alone tells: an operator that lists all and may watch nothing sees no change.

use anyhow::{Context, Result};
use e2e::{Case, OwnOperator, Reach, Rights, parse_metrics, sum, wait};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Pod, Secret},
};
use kube::api::{Patch, PatchParams};
use operator_core::{
    api::Microservice,
    model::{Kind, meta::REFERENCES_ANNOTATION},
};
use serde_json::json;

use super::{
    kinds, pods,
    refused::{Refused, refused, without},
};

/// Its pods read a Secret.
pub const READER: &str = "reader";

pub fn rights() -> impl Iterator<Item = String> {
    let rights = ["list microservices", "watch microservices", "list secrets", "watch secrets"];
    rights.into_iter().map(Into::into)
}

pub async fn check(case: &Case, rights: &Rights) -> Result<()> {
    secret(case, "first").await?;
    case.apply(READER, reader()).await?;
    children(case, rights).await.context("without watch")?;
    microservices(case, rights).await.context("without a watch of Microservices")
}

/// Objects that go are not missed, also when their Microservices are worked on; new pods and another
/// content of a Secret are not seen. All that is made up for when the watches come back.
async fn children(case: &Case, rights: &Rights) -> Result<()> {
    let mut removed = kinds::of("watch", kinds::ALL);
    removed.extend(["watch pods".into(), "watch secrets".into()]);
    let account = case.account("blind", Reach::Namespace, &without(rights, &removed)).await?;
    let operator = case.start_operator_as(account.config().await?, case.operator_settings()?)?;
    refused(|| operator.forbidden(), &Refused::new(), removed).await?;
    let reference = reference(case, None).await?;
    let names: Vec<_> = kinds::ALL.iter().map(|kind| kinds::name(*kind)).chain([READER.into()]).collect();
    worked_on(&operator, names.len(), 0.0).await?;

    kinds::delete(case, kinds::ALL).await?;
    secret(case, "second").await?;
    let before = reconciles(&operator);
    for name in &names {
        let touch = json!({ "metadata": { "annotations": { "example.com/touched": "yes" } } });
        case.api::<Microservice>().patch(name, &PatchParams::default(), &Patch::Merge(touch)).await?;
    }
    worked_on(&operator, names.len(), before).await?;
    pods::start(case, pods::LAGGING, pods::LAGGING).await?;
    for kind in kinds::ALL {
        assert!(kinds::objects(case, *kind).await?.is_empty(), "{} came back", kinds::name(*kind));
    }
    assert_eq!(self::reference(case, None).await?, reference, "the Secret was looked at");
    assert!(!pods::is_told(&case.api::<Pod>().get(&pods::pod_of(pods::LAGGING)).await?), "the pod was seen");

    account.may(rights).await?;
    kinds::wait_for(case, kinds::ALL, kinds::count_with).await?;
    self::reference(case, Some(&reference)).await?;
    pods::told(case, pods::LAGGING).await?;
    operator.stop().await?;
    pods::delete(case, pods::LAGGING).await
}

/// A new Microservice is not seen, while what happens to the children of others is.
async fn microservices(case: &Case, rights: &Rights) -> Result<()> {
    let removed = ["watch microservices".to_owned()];
    let account = case.account("deaf", Reach::Namespace, &without(rights, &removed)).await?;
    let operator = case.start_operator_as(account.config().await?, case.operator_settings()?)?;
    refused(|| operator.forbidden(), &Refused::new(), removed).await?;
    case.apply("late", kinds::spec(json!({}))).await?;
    kinds::delete(case, &[Kind::Service]).await?;
    kinds::wait_for(case, &[Kind::Service], kinds::count_with).await?;
    let late = case.api::<Microservice>().get("late").await?;
    assert_eq!(late.status, None, "it was seen");
    account.may(rights).await?;
    let seen = |found: &Microservice| found.status.is_some();
    wait::found(&case.api(), "late", "to be seen", wait::LONG, seen).await?;
    operator.stop().await
}

pub fn reader() -> serde_json::Value {
    let from = json!({ "secretKeyRef": { "name": "password", "key": "password" } });
    kinds::spec(json!({ "env": [{ "name": "PASSWORD", "valueFrom": from }] }))
}

/// The version of the Secret that [`READER`]'s pods were made for, once it is another than `before`.
async fn reference(case: &Case, before: Option<&str>) -> Result<String> {
    let found = wait::found(&case.api::<Deployment>(), READER, "the Secret", wait::LONG, |deployment| {
        version(deployment).is_some_and(|version| Some(&*version) != before)
    })
    .await?;
    version(&found).context("no version")
}

fn version(deployment: &Deployment) -> Option<String> {
    let template = deployment.spec.as_ref()?.template.metadata.as_ref()?;
    template.annotations.as_ref()?.get(REFERENCES_ANNOTATION).cloned()
}

async fn secret(case: &Case, password: &str) -> Result<()> {
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "password" },
        "stringData": { "password": password } });
    let params = PatchParams::apply("e2e").force();
    case.api::<Secret>().patch("password", &params, &Patch::Apply(secret)).await?;
    Ok(())
}

/// Waits for so many reconciles since there were `before`.
pub async fn worked_on(operator: &OwnOperator, count: usize, before: f64) -> Result<()> {
    wait::until(&format!("{count} reconciles"), wait::LONG, async || {
        #[allow(clippy::cast_precision_loss)]
        Ok((reconciles(operator) >= before + count as f64).then_some(()))
    })
    .await
}

/// Those that did not fail.
fn reconciles(operator: &OwnOperator) -> f64 {
    let mut samples = parse_metrics(&operator.metrics.text());
    samples.retain(|sample| sample.label("outcome") != "error");
    sum(&samples, "microservice_operator_reconcile_duration_seconds_count").unwrap_or_default()
}

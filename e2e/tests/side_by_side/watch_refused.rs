//! A watch that fails stalls no other: the right to watch one kind is taken away while the operator runs.

use anyhow::Result;
use e2e::{Case, OwnOperator, Reach, Relay, Right, managed, parse_metrics, wait};
use kube::{ResourceExt, api::DeleteParams};
use operator_core::model::Kind;
use serde_json::json;

#[tokio::test]
#[ignore = "needs a cluster"]
async fn a_watch_that_is_refused_stalls_no_other() -> Result<()> {
    e2e::run("watch-refused", async |case| {
        case.keep_installed_operator_out().await?;
        let rights = case.chart_rights(&[&case.namespace]).await?.services;
        let account = case.account("operator", Reach::Namespace, &rights).await?;
        let relay = Relay::start(&account.config().await?).await?;
        let config = relay.through(account.config().await?)?;
        let operator = case.start_operator_as(config, case.operator_settings()?)?;
        case.apply("a", spec()).await?;
        for kind in [Kind::Ingress, Kind::Service] {
            there(case, kind, "a").await?;
        }

        let is_blind =
            |right: &&Right| right.resource == "ingresses" && ["list", "watch"].contains(&&*right.verb);
        account.may(&rights.iter().filter(|right| !is_blind(right)).cloned().collect()).await?;
        // Running watches go on until their connection ends.
        relay.cut();
        wait::until("the watch to be refused again and again", wait::SHORT, async || {
            Ok((of(&operator, "watch_errors_total", Kind::Ingress) >= Some(2.0)).then_some(()))
        })
        .await?;

        delete(case, Kind::Ingress).await?;
        for kind in [Kind::ServiceAccount, Kind::ConfigMap, Kind::Service, Kind::ServiceMonitor] {
            delete(case, kind).await?;
        }
        case.apply("b", spec()).await?;
        for kind in [Kind::ServiceAccount, Kind::ConfigMap, Kind::Service, Kind::ServiceMonitor] {
            there(case, kind, "a").await?;
            there(case, kind, "b").await?;
        }
        assert_eq!(operator.readiness.missing(), [""; 0], "one watch takes no other's readiness");
        let age = |kind| of(&operator, "watch_age_seconds", kind);
        assert!(age(Kind::Ingress) > age(Kind::Service), "{:?} {:?}", age(Kind::Ingress), age(Kind::Service));
        assert!(operator.forbidden().keys().all(|request| request.ends_with(" ingresses")));

        account.may(&rights).await?;
        for name in ["a", "b"] {
            there(case, Kind::Ingress, name).await?;
        }
        // It is watched again.
        delete(case, Kind::Ingress).await?;
        there(case, Kind::Ingress, "a").await?;
        operator.stop().await
    })
    .await
}

fn spec() -> serde_json::Value {
    json!({ "replicas": 0, "expose": { "ingress": { "className": "e2e", "host": "a.example.com" } } })
}

async fn there(case: &Case, kind: Kind, name: &str) -> Result<()> {
    let api = case.dynamic(&kind.resource());
    wait::list(&api, managed(name), kind.name(), wait::SHORT, |objects| !objects.is_empty()).await.map(drop)
}

/// Deletes the first Microservice's object, and waits until that one is gone.
async fn delete(case: &Case, kind: Kind) -> Result<()> {
    let api = case.dynamic(&kind.resource());
    let uid = api.get("a").await?.uid();
    api.delete("a", &DeleteParams::default()).await?;
    let is_gone = |found: Option<&kube::api::DynamicObject>| found.is_none_or(|found| found.uid() != uid);
    wait::object(&api, "a", "to be deleted", wait::SHORT, is_gone).await.map(drop)
}

/// A metric of the operator about a kind.
fn of(operator: &OwnOperator, metric: &str, kind: Kind) -> Option<f64> {
    let samples = parse_metrics(&operator.metrics.text());
    let name = format!("microservice_operator_{metric}");
    samples.into_iter().find(|s| s.name == name && s.label("kind") == kind.name()).map(|sample| sample.value)
}

//! A spec that is accepted and can't run: the conditions say why, in the pod's own words, and nothing
//! else suffers.

use anyhow::{Context, Result, ensure};
use e2e::{Case, is_ready_at, message, reason, status};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Secret, Service},
};
use kube::{
    ResourceExt,
    api::{DeleteParams, ListParams, PostParams},
};
use operator_core::api::{Microservice, Severity};
use serde_json::json;

/// A neighbour that is Ready before, and must still be so afterwards, untouched.
async fn beside_a_neighbour(case: &Case, test: impl AsyncFnOnce() -> Result<()>) -> Result<()> {
    case.apply_ready("neighbour", json!({})).await?;
    let before = case.condition("neighbour", "Verified", "True", "RequestAnswered").await?;
    // On the heap: the tests are large.
    Box::pin(test()).await?;
    let after = case.api::<Microservice>().get("neighbour").await?;
    ensure!(is_ready_at(&after, 1), "the neighbour is not Ready any more");
    ensure!(before.status == after.status, "the neighbour's status changed: {:?}", after.status);
    Ok(())
}

/// peers: nodewright#306, devworkspace-operator#375, flink-kubernetes-operator#411
#[tokio::test]
#[ignore = "needs a cluster"]
async fn an_image_that_does_not_exist() -> Result<()> {
    e2e::run("no-image", async |case| {
        beside_a_neighbour(case, async || {
            let image = "registry.invalid/nowhere/missing:1.2.3";
            case.apply("m", json!({ "image": image })).await?;
            let failed = case.condition("m", "Ready", "False", "ImagePullFailed").await?;
            assert_eq!(status(&failed, "Accepted"), "True");
            let words = message(&failed, "Ready");
            let pod = case.pods("m").await?.pop().context("no pod")?.name_any();
            assert!(words.contains(image) && words.contains(&pod), "{words}");
            case.apply_ready("m", json!({})).await?;
            Ok(())
        })
        .await
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn a_secret_that_is_missing() -> Result<()> {
    e2e::run("no-secret", async |case| {
        beside_a_neighbour(case, async || {
            let source = json!({ "secretKeyRef": { "name": "database", "key": "url" } });
            case.apply("m", json!({ "env": [{ "name": "DATABASE_URL", "valueFrom": source }] })).await?;
            let failed = case.condition("m", "Ready", "False", "ReferenceMissing").await?;
            let words = message(&failed, "Ready");
            assert!(words.contains("Secret database does not exist"), "{words}");
            let secret: Secret = serde_json::from_value(
                json!({ "metadata": { "name": "database" }, "stringData": { "url": "postgres://db" } }),
            )?;
            case.api::<Secret>().create(&PostParams::default(), &secret).await?;
            case.ready("m").await?;
            Ok(())
        })
        .await
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn a_name_that_is_taken() -> Result<()> {
    e2e::run("name-taken", async |case| {
        beside_a_neighbour(case, async || {
            let labels = json!({ "app.kubernetes.io/managed-by": "the-shop-team" });
            let service: Service = serde_json::from_value(json!({
                "metadata": { "name": "m", "labels": labels },
                "spec": { "ports": [{ "port": 80 }], "selector": { "app": "shop" } },
            }))?;
            let deployment: Deployment = serde_json::from_value(json!({
                "metadata": { "name": "m", "labels": labels },
                "spec": {
                    "replicas": 0,
                    "selector": { "matchLabels": { "app": "shop" } },
                    "template": {
                        "metadata": { "labels": { "app": "shop" } },
                        "spec": { "containers": [{ "name": "shop", "image": "registry.invalid/shop:1" }] },
                    },
                },
            }))?;
            let (services, deployments) = (case.api::<Service>(), case.api::<Deployment>());
            let service = services.create(&PostParams::default(), &service).await?;
            deployments.create(&PostParams::default(), &deployment).await?;

            case.apply("m", json!({})).await?;
            let refused = case.condition("m", "Accepted", "False", "NameCollision").await?;
            let words = message(&refused, "Accepted");
            for expected in ["Service m", "Deployment m", "the-shop-team"] {
                assert!(words.contains(expected), "{expected} is not in: {words}");
            }
            assert_eq!((status(&refused, "Ready"), reason(&refused, "Ready")), ("False", "NameCollision"));
            // Neither taken over nor half of the children made.
            let now = services.get("m").await?;
            assert_eq!(now.resource_version(), service.resource_version(), "the foreign Service was touched");
            let owners = deployments.get("m").await?.metadata.owner_references;
            assert!(owners.unwrap_or_default().is_empty(), "the foreign Deployment was taken over");
            let ours = ListParams::default().labels("microservice.dev/name=m");
            assert_eq!(deployments.list(&ours).await?.items.len(), 0);

            services.delete("m", &DeleteParams::default()).await?;
            deployments.delete("m", &DeleteParams::default()).await?;
            case.ready("m").await?;
            Ok(())
        })
        .await
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn a_configuration_that_contradicts_the_spec() -> Result<()> {
    e2e::run("contradiction", async |case| {
        beside_a_neighbour(case, async || {
            let config = json!({ "profile": "all", "server": { "workers": 3 } });
            case.apply("m", json!({ "config": config })).await?;
            let refused = case.condition("m", "Accepted", "False", "InvalidSpec").await?;
            let problems = refused.status.as_ref().context("no status")?.problems.clone();
            let fields: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
            assert_eq!(fields, ["spec.config.profile", "spec.config.server.workers"]);
            assert!(problems[1].message.contains("spec.concurrency"), "{problems:?}");
            assert!(problems.iter().all(|problem| problem.severity == Severity::Error));
            assert!(message(&refused, "Accepted").contains("spec.config.server.workers"));
            assert_eq!(case.pods("m").await?.len(), 0, "nothing is made of a spec that is refused");

            let mended = case.apply_ready("m", json!({ "concurrency": 3 })).await?;
            assert_eq!(status(&mended, "Accepted"), "True");
            assert!(mended.status.is_some_and(|status| status.problems.is_empty()), "problems stay");
            Ok(())
        })
        .await
    })
    .await
}

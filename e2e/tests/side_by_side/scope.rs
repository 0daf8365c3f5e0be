//! An operator of some namespaces, installed with the chart beside the one of the whole cluster.

use anyhow::{Context, Result};
use e2e::{Case, Rights, wait};
use futures::future::try_join_all;
use k8s_openapi::api::{
    authorization::v1::SubjectAccessReview,
    rbac::v1::{ClusterRoleBinding, Subject},
};
use kube::{
    Api, ResourceExt,
    api::{ListParams, PostParams},
};
use operator_core::{api::Microservice, model::Kind};
use serde_json::json;

const RELEASE: &str = "scoped";
const ACCOUNT: &str = "scoped-microservice-operator";

#[tokio::test]
#[ignore = "needs a cluster"]
async fn an_operator_of_some_namespaces_serves_them_and_no_other() -> Result<()> {
    e2e::run("scope", async |home| {
        e2e::run("scope-a", async |a| e2e::run("scope-b", async |b| check(home, a, b).await).await).await
    })
    .await
}

/// The operator is at home, and serves first two other namespaces, then one of them and its own.
async fn check(home: &Case, a: &Case, b: &Case) -> Result<()> {
    for case in [home, a, b] {
        case.keep_installed_operator_out().await?;
    }
    install(home, [a, b]).await?;
    may_only(home, &[a, b], &[home]).await?;
    home.apply("m", json!({})).await?;
    a.apply_ready("m", json!({})).await?;
    a.condition("m", "Monitored", "Unknown", "NoPrometheusSeen").await?;
    serves(b, 0).await?;
    assert_eq!(home.api::<Microservice>().get("m").await?.status, None, "another namespace was served");

    install(home, [home, b]).await?;
    may_only(home, &[home, b], &[a]).await?;
    home.ready("m").await?;
    let left = a.apply("m", json!({ "concurrency": 5 })).await?;
    serves(b, 1).await?;
    let status = a.api::<Microservice>().get("m").await?.status.context("no status")?;
    assert!(Some(status.observed_generation) < left.metadata.generation, "a namespace is still served");
    home.helm(&["uninstall", RELEASE, "--namespace", &home.namespace, "--wait"]).await?;
    Ok(())
}

async fn install(home: &Case, scope: [&Case; 2]) -> Result<()> {
    let settings = &home.settings;
    let image = |name: &str, image: &Option<String>, variable: &str| {
        let image = image.as_ref().with_context(|| format!("{variable} is not set"))?;
        let (repository, tag) = image.rsplit_once(':').with_context(|| format!("no tag: {image}"))?;
        anyhow::Ok(format!("{name}.repository={repository},{name}.tag={tag}"))
    };
    let values = [
        format!("scope.namespaces={{{}}}", scope.map(|case| &*case.namespace).join(",")),
        // It is there, and belongs to the other release.
        "crd.create=false,replicas=1".into(),
        image("image", &settings.operator_image, "E2E_OPERATOR_IMAGE")?,
        image("serviceImage", &settings.service_image, "E2E_SERVICE_IMAGE")?,
    ];
    let chart = settings.chart.display().to_string();
    let mut arguments = vec!["upgrade", "--install", RELEASE, &chart, "--namespace", &home.namespace];
    arguments.extend(["--wait", "--timeout", "120s"]);
    arguments.extend(values.iter().flat_map(|value| ["--set", value]));
    home.helm(&arguments).await.map(drop)
}

/// Makes what one Microservice becomes, of the optional kinds too.
async fn serves(case: &Case, replicas: i32) -> Result<()> {
    let spec = json!({ "replicas": replicas, "monitoring": { "rules": {} } });
    let generation = case.apply("m", spec).await?.metadata.generation;
    for kind in [Kind::Deployment, Kind::ServiceMonitor, Kind::PrometheusRule] {
        wait::found(&case.dynamic(&kind.resource()), "m", kind.name(), wait::LONG, |_| true).await?;
    }
    wait::found(&case.api::<Microservice>(), "m", "to be served", wait::LONG, |found| {
        found.status.as_ref().map(|status| status.observed_generation) == generation
    })
    .await
    .map(drop)
}

/// In what it serves it may do what its Role says; in others, and in the cluster, nothing of what an
/// operator does. No ClusterRole is bound to it.
async fn may_only(home: &Case, served: &[&Case], others: &[&Case]) -> Result<()> {
    let served: Vec<_> = served.iter().map(|case| &*case.namespace).collect();
    let roles = home.chart_rights(&served).await?.services;
    let everything = home.chart_rights(&[]).await?.services;
    for namespace in &served {
        assert_eq!(allowed(home, &everything, namespace).await?, roles, "in {namespace}");
    }
    for namespace in others.iter().map(|case| &*case.namespace).chain([""]) {
        assert_eq!(allowed(home, &everything, namespace).await?, Rights::new(), "in {namespace:?}");
    }
    let bindings = Api::<ClusterRoleBinding>::all(home.client.clone()).list(&ListParams::default()).await?;
    let is_ours =
        |subject: &Subject| subject.name == ACCOUNT && subject.namespace.as_deref() == Some(&*home.namespace);
    let ours = bindings.items.into_iter().filter(|b| b.subjects.iter().flatten().any(is_ours));
    assert_eq!(ours.map(|binding| binding.name_any()).collect::<Vec<_>>(), [""; 0]);
    Ok(())
}

/// Which of these rights the operator has in a namespace, or in all where it is empty.
async fn allowed(home: &Case, rights: &Rights, namespace: &str) -> Result<Rights> {
    let reviews: Api<SubjectAccessReview> = Api::all(home.client.clone());
    let answers = try_join_all(rights.iter().map(|right| async {
        let (resource, subresource) = right.resource.split_once('/').unwrap_or((&right.resource, ""));
        let review: SubjectAccessReview = serde_json::from_value(json!({ "metadata": {}, "spec": {
            "user": format!("system:serviceaccount:{}:{ACCOUNT}", home.namespace),
            "groups": ["system:serviceaccounts", "system:authenticated"],
            "resourceAttributes": { "namespace": namespace, "verb": right.verb, "group": right.group,
                "resource": resource, "subresource": subresource },
        }}))?;
        let answer = reviews.create(&PostParams::default(), &review).await?.status.context("no answer")?;
        anyhow::Ok(answer.allowed.then(|| right.clone()))
    }))
    .await?;
    Ok(answers.into_iter().flatten().collect())
}

//! The autoscaler owns the number of pods; it passes to it and back without falling.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::{Case, Load, Recording, managed, reason, wait};
use k8s_openapi::api::{apps::v1::Deployment, autoscaling::v2::HorizontalPodAutoscaler, core::v1::Pod};
use kube::ResourceExt;
use operator_core::api::Microservice;
use serde_json::{Value, json};

/// What metrics and autoscaler need to hear of the load and of its end.
const LIMIT: Duration = Duration::from_mins(3);

/// peers: opentelemetry-operator#729, #884, #2018, #4400, kubevela#3840, starrocks-kubernetes-operator#222
#[tokio::test]
#[ignore = "needs a cluster"]
async fn load_scales_up_and_its_end_scales_down() -> Result<()> {
    e2e::run("autoscaling", async |case| {
        if !has_metrics(case).await? {
            println!("skipped: the cluster has no metrics-server");
            return Ok(());
        }
        let spec = json!({
            "autoscaling": { "maxReplicas": 3, "cpu": 60, "behavior": { "scaleDown": { "stabilizationWindowSeconds": 5 } } },
            "resources": { "requests": { "cpu": "20m", "memory": "32Mi" } },
        });
        case.apply_ready("a", spec).await?;
        let deployments = Recording::start(case.api::<Deployment>(), managed("a"));
        // Few requests all along, and many until the pods are there.
        let calm = case.start_load(&[load(10, true), load(5, false)]).await?;
        let rush = case.start_load(&[load(600, true), load(200, false)]).await?;
        capacity(case, 3).await?;
        rush.stop().await?;
        let mut reports = rush.reports().await?;
        capacity(case, 1).await?;
        calm.stop().await?;
        reports.extend(calm.reports().await?);
        for report in reports {
            println!("{report:?}");
            ensure!(report.failures() == 0 && report.sent > 100, "lost requests: {report:?}");
        }

        let mut numbers: Vec<_> = deployments.versions().iter().map(replicas).collect();
        numbers.dedup();
        println!("replicas: {numbers:?}");
        let top = numbers.iter().position(|number| *number == 3).context("never 3")?;
        assert!(numbers[..top].is_sorted() && numbers[top..].is_sorted_by(|a, b| a >= b), "somebody fought: {numbers:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn the_number_never_falls_while_autoscaling_comes_and_goes() -> Result<()> {
    e2e::run("autoscaling-switch", async |case| {
        let autoscaled = |replicas: i32| json!({
            "replicas": replicas,
            "autoscaling": { "maxReplicas": 5, "behavior": { "scaleDown": { "selectPolicy": "Disabled" } } },
        });
        case.apply_ready("a", json!({ "replicas": 2 })).await?;
        let deployments = Recording::start(case.api::<Deployment>(), managed("a"));
        case.apply_ready("a", autoscaled(2)).await?;
        assert_eq!(replicas(&deployment(case).await?), 2, "handed over as they were");
        // As the autoscaler does it.
        case.kubectl().run(&["scale", "deployment/a", "--replicas=3"]).await?;
        capacity(case, 3).await?;
        let owners = case.kubectl().run(&["get", "deployment", "a", "-o", "json", "--show-managed-fields"]).await?;
        let owners: Value = serde_json::from_str(&owners)?;
        let owners: Vec<_> = owners["metadata"]["managedFields"].as_array().context("no managed fields")?.iter()
            .filter(|entry| entry["fieldsV1"]["f:spec"].get("f:replicas").is_some()).map(|entry| entry["manager"].clone()).collect();
        assert_eq!(owners.len(), 1, "{owners:?}");
        assert!(!owners[0].to_string().contains("microservice-operator"), "{owners:?}");

        // Off: what runs is held, and said.
        case.apply("a", json!({ "replicas": 2 })).await?;
        let held = problem(case, "spec.replicas").await?;
        assert!(held.contains("3 replicas are kept"), "{held}");
        gone(case).await?;
        case.ready("a").await?;
        assert_eq!(replicas(&deployment(case).await?), 3);

        // Stopped and back: on again, and from there.
        let mut stopped = autoscaled(2);
        stopped["stopped"] = json!(true);
        case.apply("a", stopped).await?;
        capacity(case, 0).await?;
        assert_eq!(reason(&case.ready("a").await?, "Ready"), "Stopped");
        assert!(case.api::<HorizontalPodAutoscaler>().get_opt("a").await?.is_none(), "no autoscaler while stopped");
        let fallen = deployments.versions().iter().map(replicas).find(|number| *number < 2);
        assert_eq!(fallen, Some(0), "it fell before it was stopped");
        case.apply("a", autoscaled(2)).await?;
        capacity(case, 3).await?;

        // The user's word counts, also in the same edit.
        case.apply_ready("a", json!({ "replicas": 1 })).await?;
        capacity(case, 1).await?;
        assert!(deployment(case).await?.annotations().get("microservice.dev/replicas").is_none());
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn an_autoscaler_without_metrics_is_said() -> Result<()> {
    e2e::run("autoscaling-blind", async |case| {
        let metric = json!({ "type": "Pods", "pods": { "metric": { "name": "nobody_has_it" }, "target": { "type": "AverageValue", "averageValue": "0.5" } } });
        case.apply("a", json!({ "autoscaling": { "minReplicas": 2, "maxReplicas": 3, "metrics": [metric] } })).await?;
        let words = problem(case, "spec.autoscaling").await?;
        assert!(words.contains("nobody_has_it"), "{words}");
        case.ready("a").await?;
        // The API server writes 0.5 as 500m, which is no drift.
        let autoscaler = case.api::<HorizontalPodAutoscaler>().get("a").await?;
        assert_eq!(autoscaler.metadata.generation.unwrap_or(1), 1);
        Ok(())
    })
    .await
}

/// Requests until they are told to end. All connections of all such streams are fewer than one pod takes,
/// 4 worked on and 40 that wait.
fn load(rate: u32, keepalive: bool) -> Load {
    Load {
        url: "http://a/microservice".into(),
        connections: 8,
        requests: 0,
        rate: Some(rate),
        keepalive,
        until_told: true,
        ..Load::default()
    }
}

/// Does metrics-server answer? The local cluster always has it.
async fn has_metrics(case: &Case) -> Result<bool> {
    let answers =
        case.kubectl().output(&["get", "--raw", "/apis/metrics.k8s.io/v1beta1/nodes"], "").await?.success;
    ensure!(answers || case.settings.state.is_none(), "the local cluster's metrics-server does not answer");
    Ok(answers)
}

/// Waits until so many replicas are counted as ready, and no other pod is left.
async fn capacity(case: &Case, wanted: i32) -> Result<()> {
    wait::found(&case.api::<Microservice>(), "a", &format!("{wanted} replicas"), LIMIT, |found| {
        found
            .status
            .as_ref()
            .is_some_and(|status| status.capacity.replicas == wanted && status.replicas == wanted)
    })
    .await?;
    let pods: Vec<Pod> = case.pods("a").await?;
    assert_eq!(i32::try_from(pods.len())?, wanted);
    Ok(())
}

/// Waits for a problem with this field and returns its message.
async fn problem(case: &Case, field: &str) -> Result<String> {
    let of = |found: &Microservice| {
        let problems = found.status.iter().flat_map(|status| &status.problems);
        problems.filter(|problem| problem.field == field).map(|problem| problem.message.clone()).next_back()
    };
    let generation = case.api::<Microservice>().get("a").await?.metadata.generation.unwrap_or_default();
    let found = wait::found(
        &case.api::<Microservice>(),
        "a",
        &format!("a problem with {field}"),
        wait::LONG,
        |found| {
            found.status.as_ref().is_some_and(|status| status.observed_generation == generation)
                && of(found).is_some()
        },
    )
    .await?;
    of(&found).context("no such problem")
}

async fn gone(case: &Case) -> Result<()> {
    let autoscalers = case.api::<HorizontalPodAutoscaler>();
    wait::object(&autoscalers, "a", "the autoscaler to be gone", wait::SHORT, |found| found.is_none())
        .await?;
    Ok(())
}

async fn deployment(case: &Case) -> Result<Deployment> {
    Ok(case.api::<Deployment>().get("a").await?)
}

fn replicas(deployment: &Deployment) -> i32 {
    deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or_default()
}

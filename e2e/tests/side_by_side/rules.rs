//! What replaces pods, and what does not: another operator, another content of a Secret, `kubectl`.

use anyhow::{Context, Result};
use e2e::{Case, condition, reason, wait};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Pod, Secret},
    events::v1::Event,
};
use kube::{
    ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams},
};
use operator_core::{
    api::{LastRollout, Microservice, RolloutReason},
    model::Settings,
};
use serde_json::{Value, json};

/// The uids of all pods, in order.
async fn pods(case: &Case, name: &str) -> Result<Vec<String>> {
    let mut uids: Vec<_> = case.pods(name).await?.iter().map(|pod| pod.uid().unwrap_or_default()).collect();
    uids.sort();
    Ok(uids)
}

/// Waits until the last rollout has a cause.
async fn rollout(case: &Case, name: &str, reason: RolloutReason) -> Result<LastRollout> {
    let has = |m: &Microservice| last(m).is_some_and(|rollout| rollout.reason == reason);
    let found = wait::found(&case.api(), name, &format!("a rollout, {reason:?}"), wait::LONG, has).await?;
    last(&found).context("no rollout")
}

fn last(microservice: &Microservice) -> Option<LastRollout> {
    microservice.status.as_ref()?.last_rollout.clone()
}

/// Waits until there is an Event of this reason about the Microservice.
async fn told(case: &Case, name: &str, reason: &str) -> Result<String> {
    wait::until(&format!("an Event {reason}"), wait::SHORT, async || {
        let events = case.api::<Event>().list(&ListParams::default()).await?.items;
        let about = |event: &Event| event.regarding.as_ref().is_some_and(|o| o.name.as_deref() == Some(name));
        let found = events.into_iter().find(|event| about(event) && event.reason.as_deref() == Some(reason));
        Ok(found.map(|event| event.note.unwrap_or_default()))
    })
    .await
}

async fn secret(case: &Case, url: &str, label: &str) -> Result<()> {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "database"},
        "stringData": {"url": url}});
    let secrets = case.api::<Secret>();
    secrets.patch("database", &PatchParams::apply("e2e").force(), &Patch::Apply(secret)).await?;
    let label = json!({"metadata": {"labels": {"example.com/label": label}}});
    secrets.patch("database", &PatchParams::default(), &Patch::Merge(label)).await?;
    Ok(())
}

/// peers: open-liberty-operator#616, mcp-lifecycle-operator#95, opentelemetry-operator#1300
#[tokio::test]
#[ignore = "needs a cluster"]
async fn every_cause_of_a_rollout_is_told() -> Result<()> {
    e2e::run("causes", async |case| {
        let source = json!({ "secretKeyRef": { "name": "database", "key": "url" } });
        let spec = json!({ "env": [{ "name": "DATABASE_URL", "valueFrom": source }] });
        case.apply("c", spec.clone()).await?;
        let waits = case.condition("c", "Accepted", "False", "ReferenceMissing").await?;
        assert_eq!(reason(&waits, "Ready"), "ReferenceMissing");
        secret(case, "postgres://one", "a").await?;
        case.ready("c").await?;
        rollout(case, "c", RolloutReason::Created).await?;

        // Nobody else's label is another content, and neither is the same content once more.
        let before = pods(case, "c").await?;
        secret(case, "postgres://one", "b").await?;
        secret(case, "postgres://two", "b").await?;
        let found = rollout(case, "c", RolloutReason::ReferenceChanged).await?;
        assert_eq!(found.changed_fields, ["Secret/database"]);
        let note = told(case, "c", "ReferenceChanged").await?;
        assert!(note.contains("Secret/database"), "{note}");
        case.ready("c").await?;
        let after = pods(case, "c").await?;
        assert_ne!(after, before);
        let revision = |d: &Deployment| d.annotations().get("deployment.kubernetes.io/revision").cloned();
        let deployment = case.api::<Deployment>().get("c").await?;
        assert_eq!(revision(&deployment).as_deref(), Some("2"), "one rollout for three writes");

        case.kubectl().run(&["rollout", "restart", "deployment/c"]).await?;
        let found = rollout(case, "c", RolloutReason::Restarted).await?;
        assert!(found.restarted_at.is_some());
        told(case, "c", "Restarted").await?;
        case.ready("c").await?;

        let mut spec = spec;
        spec["port"] = json!(8888);
        case.apply("c", spec).await?;
        let found = rollout(case, "c", RolloutReason::SpecChanged).await?;
        assert_eq!(found.changed_fields, ["spec.port"]);
        let deployment = wait::found(&case.api::<Deployment>(), "c", "four rollouts", wait::LONG, |d| {
            revision(d).as_deref() == Some("4")
        })
        .await?;
        let template = deployment.spec.and_then(|spec| spec.template.metadata).context("no template")?;
        let kept = template.annotations.unwrap_or_default();
        assert!(
            kept.contains_key("kubectl.kubernetes.io/restartedAt"),
            "the restart was taken back: {kept:?}"
        );
        Ok(())
    })
    .await
}

/// The operator as it is installed, but with another name for the same nginx: as an upgrade that
/// changes the default image.
fn operator(case: &Case, registry: &str) -> Result<Settings> {
    let installed = case.operator_settings()?;
    Ok(Settings { proxy_image: format!("{registry}{}", installed.proxy_image), ..installed })
}

fn proxy_image(pods: &[Pod]) -> Vec<String> {
    let containers = pods.iter().filter_map(|pod| pod.spec.as_ref()).flat_map(|spec| &spec.containers);
    containers.filter(|c| c.name == "nginx").filter_map(|c| c.image.clone()).collect()
}

/// peers: elastic/cloud-on-k8s#4972, k8ssandra/cass-operator#566, opensearch-k8s-operator#1580,
/// zalando/postgres-operator#2214, humio-operator#246
#[tokio::test]
#[ignore = "needs a cluster"]
async fn an_upgrade_of_the_operator_restarts_no_pod_that_did_not_ask_for_it() -> Result<()> {
    e2e::run("upgrade", async |case| {
        case.keep_installed_operator_out().await?;
        let old = case.start_operator(operator(case, "")?).await?;
        case.apply("pinned", json!({ "replicas": 2 })).await?;
        case.apply_ready("auto", json!({ "upgradePolicy": "Auto" })).await?;
        case.ready("pinned").await?;
        let before = pods(case, "pinned").await?;
        old.stop().await?;

        let new = case.start_operator(operator(case, "docker.io/")?).await?;
        rollout(case, "auto", RolloutReason::OperatorUpgraded).await?;
        case.ready("auto").await?;
        assert_eq!(proxy_image(&case.pods("auto").await?), ["docker.io/nginxinc/nginx-unprivileged:1.30"]);
        // What concerns no pod is followed without the upgrade.
        let spec = json!({ "replicas": 2, "monitoring": { "interval": "11s" } });
        case.apply_ready("pinned", spec).await?;
        assert_eq!(pods(case, "pinned").await?, before, "pods were replaced");

        let spec = json!({ "replicas": 2, "env": [{ "name": "A", "value": "1" }] });
        case.apply_ready("pinned", spec).await?;
        let found = rollout(case, "pinned", RolloutReason::SpecChanged).await?;
        assert!(found.changed_fields.contains(&"spec.env[A]".into()), "{found:?}");
        let image = "docker.io/nginxinc/nginx-unprivileged:1.30";
        assert_eq!(proxy_image(&case.pods("pinned").await?), [image, image]);
        new.stop().await
    })
    .await
}

/// peers: opentelemetry-operator#2651, cloudnative-pg#1844
#[tokio::test]
#[ignore = "needs a cluster"]
async fn the_inventory_tells_what_to_delete_and_what_not() -> Result<()> {
    e2e::run("inventory", async |case| {
        case.keep_installed_operator_out().await?;
        let monitors = e2e::CHILDREN.into_iter().find(|c| c.kind == "ServiceMonitor").context("no kind")?;
        let monitors = case.dynamic(&monitors.resource());
        let first = case.start_operator(operator(case, "")?).await?;
        for name in ["ours", "theirs"] {
            case.apply_ready(name, json!({ "replicas": 0 })).await?;
            wait::found(&monitors, name, "a ServiceMonitor", wait::SHORT, |_| true).await?;
        }
        first.stop().await?;
        // While no operator runs: the one loses the label by which we see it, the other is a user's now.
        let unlabelled = json!({ "metadata": { "labels": { "app.kubernetes.io/managed-by": null } } });
        monitors.patch("ours", &PatchParams::default(), &Patch::Merge(unlabelled)).await?;
        monitors.delete("theirs", &DeleteParams::default()).await?;
        let theirs = json!({ "apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor",
            "metadata": { "name": "theirs", "labels": { "app.kubernetes.io/managed-by": "microservice-operator" } },
            "spec": { "selector": {}, "endpoints": [] } });
        let params = PatchParams::apply("a-user");
        let theirs = monitors.patch("theirs", &params, &Patch::<Value>::Apply(theirs)).await?;
        let off = json!({ "replicas": 0, "monitoring": { "enabled": false } });
        for name in ["ours", "theirs"] {
            case.apply(name, off.clone()).await?;
        }
        let second = case.start_operator(operator(case, "")?).await?;
        wait::object(&monitors, "ours", "gone", wait::SHORT, |found| found.is_none()).await?;
        let rests = case.ready("theirs").await?;
        assert_eq!(condition(&rests, "Monitored").map(|c| c.reason.as_str()), Some("MonitoringDisabled"));
        let kept = monitors.get("theirs").await?;
        assert_eq!(kept.resource_version(), theirs.resource_version(), "a user's object was touched");
        for name in ["ours", "theirs"] {
            wait::found(&case.api::<Microservice>(), name, "no ServiceMonitor in the inventory", wait::SHORT, |m| {
                let inventory = m.status.iter().flat_map(|status| &status.inventory);
                inventory.clone().next().is_some() && !inventory.into_iter().any(|item| item.kind == "ServiceMonitor")
            })
            .await?;
        }
        second.stop().await
    })
    .await
}

/// peers: kubevela#2427, kubernetes/kubernetes#23211, luizalabs/teresa#463
#[tokio::test]
#[ignore = "needs a cluster"]
async fn a_rollout_that_fails_is_taken_back() -> Result<()> {
    e2e::run("roll-back", async |case| {
        let rollout = json!({ "progressDeadline": "5s", "onFailure": "RollBack" });
        case.apply_ready("r", json!({ "replicas": 2, "rollout": rollout })).await?;
        let before = pods(case, "r").await?;
        let bad = "registry.invalid/nowhere/missing:1.2.3";
        let spec = json!({ "replicas": 2, "rollout": rollout, "image": bad });
        let bad_generation = case.apply("r", spec).await?.metadata.generation.unwrap_or_default();
        let failed = case.condition("r", "Progressing", "False", "RolledBack").await?;
        assert_eq!(last(&failed).map(|r| r.reason), Some(RolloutReason::RolledBack));
        let status = failed.status.clone().context("no status")?;
        let problem = status.problems.first().context("no problem")?;
        assert!(
            problem.message.contains(&format!("generation {bad_generation} did not become ready")),
            "{problem:?}"
        );
        assert!(problem.message.contains(bad), "the pod's own words are missing: {problem:?}");
        assert_eq!(reason(&failed, "Ready"), "RolledBack");
        assert_eq!(e2e::status(&failed, "Available"), "True");
        assert_eq!(pods(case, "r").await?, before, "the good pods have answered all the time, and go on");
        told(case, "r", "RolledBack").await?;
        assert_eq!(case.request("POST", "http://r/microservice", Some("{}")).await?.status, 200);
        // The next spec is tried again.
        case.apply_ready("r", json!({ "replicas": 2, "rollout": rollout, "port": 8888 })).await?;
        Ok(())
    })
    .await
}

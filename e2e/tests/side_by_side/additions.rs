//! What others add to children: it is set back where it decides whether anything works.

use anyhow::{Context, Result};
use e2e::{Case, wait};
use k8s_openapi::api::apps::v1::Deployment;
use kube::{
    ResourceExt,
    api::{DynamicObject, Patch, PatchParams},
};
use operator_core::{
    api::{Microservice, RolloutReason},
    model::Kind,
};
use serde_json::{Value, json};

fn pod(spec: &Value) -> Value {
    json!({ "spec": { "template": { "spec": spec } } })
}

/// One row of the table in `operator/ARCHITECTURE.md` each, as a strategic merge patch.
fn rows() -> Vec<(&'static str, Kind, Value)> {
    let service = |spec: Value| json!({ "spec": spec });
    let container = |fields: Value| {
        let mut container = fields;
        container["name"] = json!("service");
        pod(&json!({ "containers": [container] }))
    };
    vec![
        ("a selector key", Kind::Service, service(json!({ "selector": { "who": "nobody" } }))),
        ("a port", Kind::Service, service(json!({ "ports": [{ "name": "more", "port": 81 }] }))),
        (
            "our port elsewhere",
            Kind::Service,
            service(json!({ "ports": [{ "$patch": "delete", "port": 80 }, { "name": "http", "port": 81 }] })),
        ),
        ("session affinity", Kind::Service, service(json!({ "sessionAffinity": "ClientIP" }))),
        ("external addresses", Kind::Service, service(json!({ "externalIPs": ["192.0.2.1"] }))),
        ("traffic of the node only", Kind::Service, service(json!({ "internalTrafficPolicy": "Local" }))),
        ("pods that are not ready", Kind::Service, service(json!({ "publishNotReadyAddresses": true }))),
        ("a key", Kind::ConfigMap, json!({ "data": { "extra": "1" } })),
        (
            "a port to a policy",
            Kind::NetworkPolicy,
            json!({ "spec": { "ingress": [{ "ports": [{ "port": 1 }] }] } }),
        ),
        ("egress", Kind::NetworkPolicy, json!({ "spec": { "egress": [{}] } })),
        ("environment", Kind::Deployment, container(json!({ "env": [{ "name": "EXTRA", "value": "1" }] }))),
        ("arguments", Kind::Deployment, container(json!({ "args": ["--help"] }))),
        ("a limit", Kind::Deployment, container(json!({ "resources": { "limits": { "memory": "1Gi" } } }))),
        (
            "a probe",
            Kind::Deployment,
            container(json!({ "readinessProbe": { "exec": { "command": ["false"] } } })),
        ),
        ("nodes", Kind::Deployment, pod(&json!({ "nodeSelector": { "disk": "none" } }))),
        ("the host's network", Kind::Deployment, pod(&json!({ "hostNetwork": true }))),
        ("a scheduler", Kind::Deployment, pod(&json!({ "schedulerName": "nobody" }))),
    ]
}

/// peers: opentelemetry-operator#4322, open-liberty-operator#616
#[tokio::test]
#[ignore = "needs a cluster"]
async fn what_others_add_where_only_we_may_is_set_back() -> Result<()> {
    e2e::run("additions", async |case| {
        case.apply_ready("m", json!({ "networkPolicy": "open" })).await?;
        for (name, kind, patch) in rows() {
            set_back(case, kind, patch).await.with_context(|| format!("{name} of {}", kind.name()))?;
        }
        let found = case.ready("m").await?;
        let rollout = found.status.and_then(|status| status.last_rollout).context("no rollout")?;
        assert_eq!(rollout.reason, RolloutReason::DriftRepaired);
        Ok(())
    })
    .await
}

async fn set_back(case: &Case, kind: Kind, patch: Value) -> Result<()> {
    let api = case.dynamic(&kind.resource());
    // Deployments change in their status all the time.
    let content = |object: &DynamicObject| {
        ["spec", "data"].map(|part| object.data.get(part).cloned().unwrap_or_default())
    };
    let before = content(&api.get("m").await?);
    let params = PatchParams { field_manager: Some("e2e-foreign".into()), ..PatchParams::default() };
    let patched = api.patch("m", &params, &Patch::Strategic(patch)).await?;
    assert_ne!(content(&patched), before, "the patch changed nothing");
    wait::found(&api, "m", &format!("{before:?}"), wait::SHORT, |found| content(found) == before).await?;
    Ok(())
}

/// Injected, as a mesh or a secrets' agent does: theirs.
#[tokio::test]
#[ignore = "needs a cluster"]
async fn what_others_may_add_stays() -> Result<()> {
    e2e::run("injected", async |case| {
        case.apply_ready("m", json!({ "replicas": 0 })).await?;
        let api = case.dynamic(&Kind::Deployment.resource());
        let injected = pod(&json!({
            "volumes": [{ "name": "injected", "emptyDir": {} }],
            "containers": [
                { "name": "service", "volumeMounts": [{ "name": "injected", "mountPath": "/injected" }] },
                { "name": "injected", "image": "registry.invalid/mesh:1", "env": [{ "name": "A", "value": "1" }] },
            ],
        }));
        let params = PatchParams { field_manager: Some("e2e-foreign".into()), ..PatchParams::default() };
        api.patch("m", &params, &Patch::Strategic(injected)).await?;
        // Something that is set back tells that the operator has looked.
        set_back(case, Kind::Deployment, pod(&json!({ "hostNetwork": true }))).await?;
        let found = case.api::<Deployment>().get("m").await?;
        let spec = found.spec.and_then(|spec| spec.template.spec).context("no pods")?;
        assert!(spec.containers.iter().any(|container| container.name == "injected"));
        assert!(spec.volumes.iter().flatten().any(|volume| volume.name == "injected"));
        Ok(())
    })
    .await
}

/// As a restored backup and `kubectl delete --cascade=orphan` leave them.
#[tokio::test]
#[ignore = "needs a cluster"]
async fn children_that_lost_their_owner_are_adopted_as_they_are() -> Result<()> {
    e2e::run("adopted", async |case| {
        case.apply_ready("m", json!({})).await?;
        let pods = case.pods("m").await?;
        case.kubectl().run(&["delete", "msvc", "m", "--cascade=orphan"]).await?;
        let kinds =
            [Kind::ServiceAccount, Kind::ConfigMap, Kind::Service, Kind::Deployment, Kind::ServiceMonitor];
        let mut before = Vec::new();
        for kind in kinds {
            let api = case.dynamic(&kind.resource());
            let orphan = wait::found(&api, "m", "the owner to go", wait::SHORT, |found| {
                found.owner_references().is_empty()
            });
            before.push((kind, orphan.await?.uid()));
        }
        let anew = case.apply_ready("m", json!({})).await?;
        for (kind, uid) in before {
            let found = case.dynamic(&kind.resource()).get("m").await?;
            assert_eq!(found.uid(), uid, "{} was made anew", kind.name());
            let owners = found.owner_references();
            assert!(owners.iter().any(|owner| Some(&owner.uid) == anew.metadata.uid.as_ref()), "{owners:?}");
        }
        let names = |pods: &[k8s_openapi::api::core::v1::Pod]| -> Vec<_> {
            pods.iter().map(ResourceExt::uid).collect()
        };
        assert_eq!(names(&case.pods("m").await?), names(&pods), "pods were replaced");
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn an_autoscaler_of_somebody_else_is_named_and_not_fought() -> Result<()> {
    e2e::run("foreign-autoscaler", async |case| {
        case.apply_ready("m", json!({})).await?;
        // Without metrics, too, it sees to its least.
        case.kubectl().run(&["autoscale", "deployment", "m", "--name=theirs", "--min=3", "--max=5"]).await?;
        let named = |found: &Microservice| {
            let problems = found.status.iter().flat_map(|status| &status.problems);
            problems.into_iter().any(|problem| problem.message.contains("HorizontalPodAutoscaler theirs"))
        };
        wait::found(&case.api::<Microservice>(), "m", "its name in problems", wait::LONG, named).await?;
        let ready = case.ready("m").await?;
        assert_eq!(ready.status.map(|status| status.replicas), Some(3));
        let before = case.api::<Deployment>().get("m").await?;
        case.apply_ready("m", json!({ "env": [{ "name": "A", "value": "1" }] })).await?;
        let after = case.api::<Deployment>().get("m").await?;
        assert_eq!(after.spec.and_then(|spec| spec.replicas), Some(3));
        let generation = |metadata: &kube::api::ObjectMeta| metadata.generation.unwrap_or_default();
        assert_eq!(generation(&after.metadata), generation(&before.metadata) + 1, "somebody fought");
        Ok(())
    })
    .await
}

//! `spec.podTemplate`, the way out when a field of a pod has none here.
//!
//! peers: prometheus-operator#4691, keycloak#9729, awx-operator#479, tempo-operator#971

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use e2e::{Case, wait};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Patch, PatchParams};
use operator_core::api::{Microservice, Severity};
use serde_json::{Value, json};

/// Patches that say the same to the API server.
fn patches() -> Vec<Value> {
    vec![
        json!({ "metadata": { "labels": { "team": "shop" }, "annotations": { "a/b": "c" } } }),
        json!({ "spec": { "hostAliases": [{ "ip": "10.0.0.1", "hostnames": ["legacy"] }], "dnsPolicy": "Default" } }),
        json!({ "spec": { "containers": [{ "name": "service", "env": [{ "name": "PORT", "value": "1" }, { "name": "NEW", "value": "2" }] }] } }),
        json!({ "spec": { "containers": [{ "name": "service", "ports": [{ "containerPort": 8080, "name": "web" }], "args": ["-v"] }] } }),
        json!({ "spec": { "containers": [{ "name": "service", "livenessProbe": null, "startupProbe": { "periodSeconds": 9 } }] } }),
        json!({ "spec": { "containers": [{ "name": "nginx", "$patch": "delete" }, { "name": "web", "image": "web:1" }] } }),
        json!({ "spec": { "volumes": [{ "name": "service-tmp", "$retainKeys": ["name", "emptyDir"], "emptyDir": { "medium": "Memory" } }] } }),
        json!({ "spec": { "containers": [{ "name": "service", "volumeMounts": [{ "mountPath": "/tmp", "$patch": "delete" }, { "mountPath": "/x", "name": "service-tmp" }] }] } }),
        json!({ "spec": { "tolerations": [{ "operator": "Exists" }], "securityContext": { "$patch": "replace", "fsGroup": 1 } } }),
        json!({ "spec": { "topologySpreadConstraints": [{ "topologyKey": "kubernetes.io/hostname", "maxSkew": 3 }], "imagePullSecrets": [{ "name": "r" }] } }),
        json!({ "spec": { "containers": [{ "$patch": "replace" }, { "name": "alone", "image": "alone:1" }] } }),
    ]
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn a_patch_does_what_it_would_do_on_the_api_server() -> Result<()> {
    e2e::run("pod-template", async |case| {
        case.apply_ready("m", json!({ "replicas": 0 })).await?;
        for patch in patches() {
            let expected = patched_by_the_api_server(case, &patch).await?;
            case.apply("m", json!({ "replicas": 0, "podTemplate": patch })).await?;
            case.ready("m").await?;
            let ours = template(&case.api::<Deployment>().get("m").await?)?;
            assert_eq!(ours, expected, "{patch}");
            // From the same start as the API server.
            case.apply_ready("m", json!({ "replicas": 0 })).await?;
        }
        Ok(())
    })
    .await
}

async fn patched_by_the_api_server(case: &Case, patch: &Value) -> Result<Value> {
    let dry_run = PatchParams { dry_run: true, ..PatchParams::default() };
    let patch = json!({ "spec": { "template": patch } });
    template(&case.api::<Deployment>().patch("m", &dry_run, &Patch::Strategic(patch)).await?)
}

/// Lists by name, as their order is free.
fn template(deployment: &Deployment) -> Result<Value> {
    let mut template = serde_json::to_value(deployment.spec.as_ref().map(|spec| &spec.template))?;
    sort(&mut template);
    Ok(template)
}

fn sort(value: &mut Value) {
    match value {
        Value::Array(list) => {
            list.iter_mut().for_each(sort);
            list.sort_by_key(ToString::to_string);
        }
        Value::Object(object) => object.values_mut().for_each(sort),
        _ => {}
    }
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn what_it_changes_of_the_operators_is_a_warning_and_the_selector_is_refused() -> Result<()> {
    e2e::run("patch-warns", async |case| {
        let patch = json!({ "spec": {
            "terminationGracePeriodSeconds": 500,
            "schedulerName": "shop",
            "containers": [{ "name": "service", "livenessProbe": { "$patch": "delete" } }],
        }});
        let warned = case.apply_ready("m", json!({ "replicas": 0, "podTemplate": patch })).await?;
        let problems = warned.status.context("no status")?.problems;
        let fields: BTreeMap<_, _> = problems.into_iter().map(|p| (p.field, p.severity)).collect();
        let warning = |path: &str| (format!("spec.podTemplate.spec.{path}"), Severity::Warning);
        assert_eq!(
            fields,
            BTreeMap::from([
                warning("containers[service].livenessProbe"),
                warning("terminationGracePeriodSeconds"),
            ])
        );
        let before = case.api::<Deployment>().get("m").await?;

        let patch = json!({ "metadata": { "labels": { "microservice.dev/name": "other" } } });
        case.apply("m", json!({ "replicas": 0, "podTemplate": patch })).await?;
        case.condition("m", "Accepted", "False", "InvalidSpec").await?;
        ensure!(case.api::<Deployment>().get("m").await?.metadata.generation == before.metadata.generation);

        case.apply("m", json!({ "replicas": 0 })).await?;
        let clean =
            |found: &Microservice| found.status.as_ref().is_some_and(|status| status.problems.is_empty());
        wait::found(&case.api::<Microservice>(), "m", "no problems", wait::SHORT, clean).await?;
        Ok(())
    })
    .await
}

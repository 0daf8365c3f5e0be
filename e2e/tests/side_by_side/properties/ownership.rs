//! Any change of a field that we own is seen, for every kind, by the API server's own record.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use e2e::Case;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use operator_core::{
    model::{Child, meta::MANAGER},
    plan::{additions::additions, drift::first_drift},
};
use serde_json::{Value, json};

use super::children;

/// What has many fields, and no pods.
fn bodies(case: &Case) -> Result<BTreeMap<Child, Value>> {
    let rich = json!({
        "replicas": 0,
        "networkPolicy": "restricted",
        "files": [{ "path": "/etc/a", "content": "a" }],
        "env": [{ "name": "A", "value": "1" }],
        "nodeSelector": { "a": "b" },
        "tolerations": [{ "key": "a", "operator": "Exists" }],
        "resources": { "limits": { "memory": "64Mi" } },
        "expose": { "ingress": { "className": "none", "hosts": ["a.example"] }, "service": { "ports": [{ "name": "more", "port": 81 }] } },
        "monitoring": { "rules": {}, "dashboard": {} },
    });
    let scaled = json!({ "autoscaling": { "minReplicas": 2, "maxReplicas": 5 } });
    let mut bodies = children("mutated", &rich)?;
    for (child, body) in children("mutated", &scaled)? {
        bodies.entry(child).or_insert(body);
    }
    for body in bodies.values_mut() {
        body["metadata"]["namespace"] = json!(case.namespace);
        // Nobody of that uid is there: the garbage collector would take it.
        body["metadata"].as_object_mut().context("no metadata")?.remove("ownerReferences");
    }
    Ok(bodies)
}

/// peers: opentelemetry-operator#4322, tailscale#18895
#[tokio::test]
#[ignore = "needs a cluster"]
async fn every_single_change_of_what_is_ours_is_seen() -> Result<()> {
    e2e::run("mutated", async |case| {
        let (mut tried, mut taken) = (0, 0);
        for (child, body) in bodies(case)? {
            let resource = child.kind().resource();
            let api = Api::<DynamicObject>::namespaced_with(case.client.clone(), &case.namespace, &resource);
            let name = body["metadata"]["name"].as_str().context("no name")?.to_owned();
            let live = api.patch(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&body)).await?;
            ensure!(first_drift(&body, &live).is_none(), "{child:?}: {:?}", first_drift(&body, &live));
            ensure!(additions(child.kind(), &body, &live).is_empty(), "{child:?}: a default is no addition");
            let mut leaves = Vec::new();
            changes(&body, "", &mut leaves);
            for (pointer, change) in leaves {
                tried += 1;
                taken += usize::from(is_seen(&api, &body, child, &pointer, change).await?);
            }
        }
        ensure!(taken >= 100, "of {tried} changes the API server took only {taken}");
        Ok(())
    })
    .await
}

/// Did the API server take the change, so that it was seen?
async fn is_seen(
    api: &Api<DynamicObject>,
    body: &Value,
    child: Child,
    pointer: &str,
    change: Value,
) -> Result<bool> {
    let name = body["metadata"]["name"].as_str().unwrap_or_default();
    let patch = serde_json::from_value(json!([change]))?;
    let params =
        PatchParams { dry_run: true, field_manager: Some("e2e-foreign".into()), ..PatchParams::default() };
    let Ok(changed) = api.patch(name, &params, &Patch::<()>::Json(patch)).await else { return Ok(false) };
    let whole = serde_json::to_value(&changed)?;
    // Some come back as they were, such as a default that was removed.
    if whole.pointer(pointer) == body.pointer(pointer) {
        return Ok(false);
    }
    let seen = first_drift(body, &changed).is_some() || !additions(child.kind(), body, &changed).is_empty();
    ensure!(seen, "{child:?}: {change} is not seen");
    Ok(true)
}

/// For each field a change of its value, and its removal; the identity is nobody's.
fn changes(value: &Value, pointer: &str, found: &mut Vec<(String, Value)>) {
    if ["/apiVersion", "/kind", "/metadata/name", "/metadata/namespace"].contains(&pointer) {
        return;
    }
    let of = |key: &str| format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
    let other = match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| changes(value, &of(key), found));
            None
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| changes(item, &of(&index.to_string()), found));
            None
        }
        Value::String(text) => Some(json!(format!("{text}x"))),
        Value::Number(number) => number.as_i64().map(|number| json!(number + 1)),
        Value::Bool(value) => Some(json!(!value)),
        Value::Null => None,
    };
    if let Some(value) = other {
        found.push((pointer.into(), json!({ "op": "replace", "path": pointer, "value": value })));
    }
    if !pointer.is_empty() {
        found.push((pointer.into(), json!({ "op": "remove", "path": pointer })));
    }
}

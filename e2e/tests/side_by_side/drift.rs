//! Whatever becomes of a child, it is mended at once; what others have added stays.

use anyhow::{Context, Result};
use e2e::{CHILDREN, Case, Child, wait};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, DynamicObject, Patch, PatchParams},
};
use serde_json::{Value, json};

/// Another writer than the operator and the Microservice's owner.
const FOREIGN: &str = "e2e-foreign";

const MANAGED_BY: &str = "/metadata/labels/app.kubernetes.io~1managed-by";

/// For each kind, a change of a field that the operator owns, and where that is.
fn edit(child: Child) -> Result<(Patch<Value>, &'static str)> {
    Ok(match child.kind {
        "ServiceAccount" => {
            (Patch::Merge(json!({ "automountServiceAccountToken": true })), "/automountServiceAccountToken")
        }
        "ConfigMap" => (Patch::Merge(json!({ "data": { "concurrency": "7" } })), "/data/concurrency"),
        "Deployment" => {
            let container = json!({ "name": "service", "image": "registry.invalid/drift:1" });
            let spec = json!({ "spec": { "template": { "spec": { "containers": [container] } } } });
            (Patch::Strategic(spec), "/spec/template/spec/containers/0/image")
        }
        "Service" => {
            let port = json!({ "port": 80, "targetPort": 1234 });
            (Patch::Strategic(json!({ "spec": { "ports": [port] } })), "/spec/ports/0/targetPort")
        }
        "ServiceMonitor" => {
            let endpoint = json!({ "port": "metrics", "path": "/drift" });
            (Patch::Merge(json!({ "spec": { "endpoints": [endpoint] } })), "/spec/endpoints/0/path")
        }
        other => anyhow::bail!("{other}: no edit for this kind; add one"),
    })
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn every_child_is_restored() -> Result<()> {
    e2e::run("drift", async |case| {
        case.apply_ready("drift", json!({})).await?;
        for child in CHILDREN {
            restored_after_edit(case, child).await.with_context(|| format!("{}, edited", child.kind))?;
            made_anew(case, child).await.with_context(|| format!("{}, deleted", child.kind))?;
        }
        case.ready("drift").await?;
        Ok(())
    })
    .await
}

async fn restored_after_edit(case: &Case, child: Child) -> Result<()> {
    let api = case.dynamic(&child.resource());
    let (change, pointer) = edit(child)?;
    let original = at(&api.get("drift").await?, pointer)?;

    let additions = json!({ "metadata": {
        "labels": { "example.com/team": "shop" },
        "annotations": { "example.com/note": "ours" },
    }});
    patch(&api, &Patch::Merge(additions)).await?;
    // The operator finds its children by this label: without it, too, it must see what happens.
    let label = json!({ "metadata": { "labels": { "app.kubernetes.io/managed-by": "somebody" } } });
    for (change, pointer, original) in
        [(change, pointer, original), (Patch::Merge(label), MANAGED_BY, json!("microservice-operator"))]
    {
        let edited = patch(&api, &change).await?;
        assert_ne!(at(&edited, pointer)?, original, "the edit changed nothing");
        let restored = wait::found(&api, "drift", &format!("{pointer} = {original}"), wait::SHORT, |found| {
            at(found, pointer).is_ok_and(|value| value == original)
        })
        .await?;
        assert_eq!(restored.labels().get("example.com/team").map(String::as_str), Some("shop"));
        assert_eq!(restored.annotations().get("example.com/note").map(String::as_str), Some("ours"));
    }
    Ok(())
}

async fn made_anew(case: &Case, child: Child) -> Result<()> {
    let api = case.dynamic(&child.resource());
    let old = api.get("drift").await?.uid();
    api.delete("drift", &DeleteParams::default()).await?;
    wait::found(&api, "drift", "one of another uid", wait::SHORT, |found| found.uid() != old).await?;
    Ok(())
}

async fn patch(api: &Api<DynamicObject>, change: &Patch<Value>) -> Result<DynamicObject> {
    let params = PatchParams { field_manager: Some(FOREIGN.into()), ..PatchParams::default() };
    Ok(api.patch("drift", &params, change).await?)
}

fn at(object: &DynamicObject, pointer: &str) -> Result<Value> {
    Ok(serde_json::to_value(object)?.pointer(pointer).cloned().unwrap_or(Value::Null))
}

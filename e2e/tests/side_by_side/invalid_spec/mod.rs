//! The API server refuses what can't work and says what to write instead; what is at the edge of the
//! allowed it takes.

mod accepted;
pub mod refused;

use anyhow::Result;
use e2e::{Case, example};
use futures::{StreamExt, TryStreamExt, stream};
use kube::api::ListParams;
use operator::api::Microservice;
use serde_json::{Value, json};

/// `kubectl` at a time.
const PARALLEL: usize = 3;

/// peers: percona-xtradb-cluster-operator#2548, capsule#787, cloud-on-k8s#2100 (no webhook is needed)
#[tokio::test]
#[ignore = "needs a cluster"]
async fn bad_specs_are_refused_with_a_remedy() -> Result<()> {
    e2e::run("invalid", async |case| {
        let table = refused::all();
        assert!(table.len() >= 30);
        let wrong: Vec<_> = stream::iter(table)
            .map(async |(spec, expected)| complaint(case, spec, expected).await)
            .buffer_unordered(PARALLEL)
            .try_collect()
            .await?;
        let wrong: Vec<String> = wrong.into_iter().flatten().collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert_eq!(case.api::<Microservice>().list(&ListParams::default()).await?.items.len(), 0);
        Ok(())
    })
    .await
}

/// Applies a spec that must be refused; what is wrong with the answer, if anything is.
async fn complaint(case: &Case, spec: Value, expected: &str) -> Result<Option<String>> {
    for arguments in [&["apply", "-f", "-"][..], &["apply", "--dry-run=server", "-f", "-"]] {
        let output = case.kubectl().output(arguments, &manifest("bad", &spec)).await?;
        if output.success {
            return Ok(Some(format!("{spec} was accepted by kubectl {}", arguments.join(" "))));
        }
        if !output.stderr.contains(expected) {
            return Ok(Some(format!("{spec}: {expected:?} is not in the answer: {}", output.stderr)));
        }
    }
    Ok(None)
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn good_specs_are_accepted() -> Result<()> {
    e2e::run("valid", async |case| {
        let dry_run = ["apply", "--dry-run=server", "-f", "-"];
        for spec in accepted::all() {
            let output = case.kubectl().output(&dry_run, &manifest("good", &spec)).await?;
            assert!(output.success, "{spec}: {}", output.stderr);
        }
        for name in ["x".repeat(253), "dotted.name".into(), "7up".into()] {
            let output = case.kubectl().output(&dry_run, &manifest(&name, &json!({}))).await?;
            assert!(output.success, "{name}: {}", output.stderr);
        }
        for file in ["hello.yaml", "full.yaml", "custom-image.yaml"] {
            case.kubectl().run(&["apply", "--dry-run=server", "-f", &example(file)]).await?;
        }
        Ok(())
    })
    .await
}

/// Server-side apply makes null of a map that had entries and shall have none.
#[tokio::test]
#[ignore = "needs a cluster"]
async fn maps_may_be_emptied() -> Result<()> {
    e2e::run("emptied", async |case| {
        let spec = |map: Value| {
            json!({
                "stopped": true,
                "config": map,
                "nodeSelector": map,
                "podMetadata": { "labels": map, "annotations": map },
                "serviceAccount": { "annotations": map },
                "expose": { "ingress": { "annotations": map }, "service": { "annotations": map } },
                "monitoring": { "labels": map, "rules": { "own": [{ "alert": "A", "expr": "up", "labels": map }] } },
            })
        };
        case.apply("m", spec(json!({ "a": "b" }))).await?;
        let emptied = case.apply("m", spec(json!({}))).await?;
        assert!(emptied.spec.node_selector.is_empty() && emptied.spec.monitoring.labels.is_empty());
        // So may those of which nothing is said any more.
        case.apply("m", spec(json!({ "a": "b" }))).await?;
        case.apply("m", json!({ "stopped": true, "serviceAccount": { "name": "own" } })).await?;
        Ok(())
    })
    .await
}

fn manifest(name: &str, spec: &Value) -> String {
    let mut object = json!({
        "apiVersion": "microservice.dev/v1alpha1",
        "kind": "Microservice",
        "metadata": { "name": name },
    });
    if !spec.is_null() {
        object["spec"] = spec.clone();
    }
    object.to_string()
}

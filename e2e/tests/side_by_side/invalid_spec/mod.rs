//! The API server refuses what can't work and says what to write instead; what is at the edge of the
//! allowed it takes.

mod accepted;
pub mod refused;

use anyhow::Result;
use e2e::{Case, example};
use futures::{StreamExt, TryStreamExt, stream};
use http::{Request, header::CONTENT_TYPE};
use kube::{Error, Resource, api::ListParams};
use operator_core::api::Microservice;
use serde_json::{Value, json};

/// Requests at a time.
const PARALLEL: usize = 4;

/// peers: percona-xtradb-cluster-operator#2548, capsule#787, cloud-on-k8s#2100 (no webhook is needed)
#[tokio::test]
#[ignore = "needs a cluster"]
async fn bad_specs_are_refused_with_a_remedy() -> Result<()> {
    e2e::run("invalid", async |case| {
        let table = refused::all();
        assert!(table.len() >= 30);
        // What the API server says, kubectl shows.
        let (spec, expected) = &table[0];
        let shown = case.kubectl().output(&["apply", "-f", "-"], &manifest("bad", spec).to_string()).await?;
        assert!(!shown.success && shown.stderr.contains(expected), "{spec}: {shown:?}");
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

/// Creates, as kubectl does, what must be refused; what is wrong with the answer, if anything is.
async fn complaint(case: &Case, spec: Value, expected: &str) -> Result<Option<String>> {
    let path = Microservice::url_path(&(), Some(&case.namespace));
    for query in ["fieldValidation=Strict", "fieldValidation=Strict&dryRun=All"] {
        let body = serde_json::to_vec(&manifest("bad", &spec))?;
        let request = Request::post(format!("{path}?{query}")).header(CONTENT_TYPE, "application/json");
        match case.client.request::<Value>(request.body(body)?).await {
            Ok(_) => return Ok(Some(format!("{spec} was accepted with {query}"))),
            Err(Error::Api(status)) if status.message.contains(expected) => {}
            Err(Error::Api(status)) => {
                return Ok(Some(format!("{spec}: {expected:?} is not in the answer: {}", status.message)));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn good_specs_are_accepted() -> Result<()> {
    e2e::run("valid", async |case| {
        let mut items: Vec<_> =
            (0..).zip(accepted::all()).map(|(nth, spec)| manifest(&format!("good-{nth}"), &spec)).collect();
        let names = ["x".repeat(253), "dotted.name".into(), "7up".into()];
        items.extend(names.iter().map(|name| manifest(name, &json!({}))));
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string();
        // Of each that is refused it says what is wrong.
        let output = case.kubectl().output(&["apply", "--dry-run=server", "-f", "-"], &list).await?;
        assert!(output.success, "{}", output.stderr);
        assert_eq!(output.stdout.lines().count(), items.len(), "{}", output.stdout);
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

fn manifest(name: &str, spec: &Value) -> Value {
    let mut object = json!({
        "apiVersion": "microservice.dev/v1alpha1",
        "kind": "Microservice",
        "metadata": { "name": name },
    });
    if !spec.is_null() {
        object["spec"] = spec.clone();
    }
    object
}

//! An operator that has nothing to do writes nothing: counted by the API server itself.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result};
use e2e::{CHILDREN, Case, Child, parse_metrics, wait};
use futures::future::try_join_all;
use k8s_openapi::api::events::v1::Event;
use kube::{
    ResourceExt,
    api::{ListParams, Patch, PatchParams},
};
use operator_core::api::Microservice;
use serde_json::json;

const NAMES: [&str; 3] = ["one", "two", "three"];
const ROUNDS: usize = 5;

/// How long nothing may be written. The absence of an event can't be awaited; this is the one place
/// where time has to pass.
const WINDOW: Duration = Duration::from_secs(20);

/// What nobody but the operator and this test writes in these moments, with the subresource.
const WRITTEN: [(&str, &str); 9] = [
    ("microservices", ""),
    ("microservices", "status"),
    ("serviceaccounts", ""),
    ("configmaps", ""),
    ("deployments", ""),
    ("services", ""),
    ("servicemonitors", ""),
    ("ingresses", ""),
    ("networkpolicies", ""),
];

/// One of them asks for every kind: what the API server adds to an object must not look like drift.
fn spec(name: &str) -> serde_json::Value {
    if name != "one" {
        return json!({ "replicas": 1 });
    }
    json!({ "replicas": 1, "networkPolicy": "restricted", "expose": {
        "ingress": { "className": "e2e", "host": "one.example.com", "tls": { "secretName": "one" } },
        "service": { "type": "NodePort", "ports": [{ "name": "direct", "port": 8000, "targetPort": "service" }] },
    }})
}

/// peers: openclaw-operator#28, homer-operator#114, trustee-operator#167, 3scale-operator#1167
#[tokio::test]
#[ignore = "needs a cluster"]
async fn no_write_at_rest() -> Result<()> {
    e2e::run_alone("at-rest", async |case| {
        try_join_all(NAMES.map(|name| case.apply_ready(name, spec(name)))).await?;
        let (counts, versions, reconciles) = settled(case).await?;

        let microservices = case.api::<Microservice>();
        for round in 0..ROUNDS {
            for name in NAMES {
                let note =
                    json!({ "metadata": { "annotations": { "example.com/touched": round.to_string() } } });
                microservices.patch(name, &PatchParams::default(), &Patch::Merge(note)).await?;
            }
        }
        // Touches in quick succession may come to one reconcile, but each object has at least one.
        let forced = wait::until("the forced reconciles", wait::SHORT, async || {
            let now = reconciled(case).await?;
            #[allow(clippy::cast_precision_loss)]
            Ok((now >= reconciles + NAMES.len() as f64).then_some(now))
        })
        .await?;
        println!("{} reconciles forced", forced - reconciles);
        tokio::time::sleep(WINDOW).await;

        #[allow(clippy::cast_precision_loss)]
        let touches = (ROUNDS * NAMES.len()) as f64;
        let ours = BTreeMap::from([(Write::new("microservices", "", "PATCH"), touches)]);
        assert_eq!(grown(&counts, &written(case).await?), ours, "requests that change something");
        let now = resource_versions(case).await?;
        let changed: Vec<_> =
            now.iter().filter(|(object, version)| versions.get(*object) != Some(version)).collect();
        assert!(changed.is_empty(), "written: {changed:?}");
        assert_eq!(now.len(), versions.len(), "objects");
        Ok(())
    })
    .await
}

/// A kind of request that changes something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Write {
    resource: String,
    subresource: String,
    verb: String,
}

impl Write {
    fn new(resource: &str, subresource: &str, verb: &str) -> Self {
        Self { resource: resource.into(), subresource: subresource.into(), verb: verb.into() }
    }
}

type Counts = BTreeMap<Write, f64>;
type Versions = BTreeMap<String, String>;

/// What was added to each count, where something was.
fn grown(before: &Counts, after: &Counts) -> Counts {
    let growth = |(write, count): (&Write, &f64)| (write.clone(), count - before.get(write).unwrap_or(&0.0));
    after.iter().map(growth).filter(|(_, growth)| *growth != 0.0).collect()
}

/// What is true once the last echo of the creation has died away: the same in two looks 2 s apart.
async fn settled(case: &Case) -> Result<(Counts, Versions, f64)> {
    let look =
        async || anyhow::Ok((written(case).await?, resource_versions(case).await?, reconciled(case).await?));
    wait::until("the cluster to come to rest", wait::LONG, async || {
        let before = look().await?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        Ok((look().await? == before).then_some(before))
    })
    .await
}

/// Requests that change something, as the API server counts them.
async fn written(case: &Case) -> Result<Counts> {
    let samples = parse_metrics(&case.api_server("/metrics").await?);
    let mut counts = Counts::new();
    for sample in samples.iter().filter(|sample| sample.name == "apiserver_request_total") {
        let (resource, subresource, verb) =
            (sample.label("resource"), sample.label("subresource"), sample.label("verb"));
        let reads = matches!(verb, "GET" | "LIST" | "WATCH" | "CONNECT");
        // A dry run changes nothing, but at rest there is none of it either: it counts.
        if !reads && WRITTEN.contains(&(resource, subresource)) {
            *counts.entry(Write::new(resource, subresource, verb)).or_default() += sample.value;
        }
    }
    anyhow::ensure!(!counts.is_empty(), "the API server's /metrics has no apiserver_request_total");
    Ok(counts)
}

/// Of every child, pod and Event. Not of the Microservices: the test itself touches these.
async fn resource_versions(case: &Case) -> Result<Versions> {
    let others = [
        Child { group: "apps", kind: "ReplicaSet", plural: "replicasets" },
        Child { group: "", kind: "Pod", plural: "pods" },
    ];
    let mut versions = Versions::new();
    let managed = ListParams::default().labels("microservice.dev/name");
    for child in CHILDREN.into_iter().chain(others) {
        for object in case.dynamic(&child.resource()).list(&managed).await? {
            versions.insert(
                format!("{} {}", child.kind, object.name_any()),
                object.resource_version().unwrap_or_default(),
            );
        }
    }
    anyhow::ensure!(
        versions.len() >= NAMES.len() * (CHILDREN.len() + 2),
        "objects are missing: {versions:?}"
    );
    for event in case.api::<Event>().list(&ListParams::default()).await? {
        if event.reporting_controller.as_deref() == Some("microservice-operator") {
            versions
                .insert(format!("Event {}", event.name_any()), event.resource_version().unwrap_or_default());
        }
    }
    Ok(versions)
}

/// Reconciles that the operator has counted, whatever they came to.
async fn reconciled(case: &Case) -> Result<f64> {
    let samples = parse_metrics(&case.operator().await?.get("/metrics").await?);
    e2e::sum(&samples, "microservice_operator_reconcile_duration_seconds_count")
        .context("no reconciles counted")
}

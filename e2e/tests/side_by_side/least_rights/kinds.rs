//! One Microservice for each kind that one becomes, named as the kind is in URLs.

use anyhow::Result;
use e2e::{Case, managed, wait};
use futures::future::try_join_all;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams},
};
use operator_core::model::Kind;
use serde_json::{Value, json};
use strum::VariantArray;

/// What every Microservice has is never deleted.
const KEPT: [Kind; 2] = [Kind::Service, Kind::Deployment];

const PART_OF: &str = "app.kubernetes.io/part-of";

pub const ALL: &[Kind] = Kind::VARIANTS;

pub fn rights() -> impl Iterator<Item = String> {
    let all = ["get", "list", "watch", "create", "patch"].into_iter();
    all.flat_map(|verb| of(verb, ALL)).chain(of("delete", &deleted()))
}

/// Those whose objects go when they are not asked for any more.
pub fn deleted() -> Vec<Kind> {
    ALL.iter().copied().filter(|kind| !KEPT.contains(kind)).collect()
}

/// A verb on the objects of each of these kinds.
pub fn of(verb: &str, kinds: &[Kind]) -> Vec<String> {
    kinds.iter().map(|kind| format!("{verb} {}", name(*kind))).collect()
}

/// As in URLs.
pub fn name(kind: Kind) -> String {
    kind.resource().plural
}

/// A spec that asks for objects of a kind.
pub fn with(kind: Kind) -> Value {
    spec(match kind {
        Kind::ConfigMap => json!({ "monitoring": { "dashboard": {} } }),
        Kind::HorizontalPodAutoscaler => json!({ "autoscaling": { "maxReplicas": 2 } }),
        Kind::PodDisruptionBudget => json!({ "replicas": 2 }),
        Kind::NetworkPolicy => json!({ "networkPolicy": "open" }),
        Kind::Ingress => json!({ "expose": { "ingress": { "className": "e2e", "host": "a.example.com" } } }),
        Kind::HttpRoute => json!({ "expose": { "httpRoute": { "parentRefs": [{ "name": "edge" }] } } }),
        Kind::PrometheusRule => json!({ "monitoring": { "rules": {} } }),
        Kind::ServiceAccount
        | Kind::Service
        | Kind::Deployment
        | Kind::ControllerRevision
        | Kind::ServiceMonitor => json!({}),
    })
}

/// A spec that asks for one object less of the kind; for revisions, one that makes another superfluous.
pub fn without(kind: Kind) -> Value {
    spec(match kind {
        Kind::ServiceAccount => json!({ "serviceAccount": { "name": "default" } }),
        Kind::PodDisruptionBudget => json!({ "replicas": 2, "disruption": { "enabled": false } }),
        Kind::ServiceMonitor => json!({ "monitoring": { "enabled": false } }),
        Kind::ControllerRevision => env(),
        _ => json!({}),
    })
}

/// Another pod template each time.
pub fn env() -> Value {
    json!({ "env": [{ "name": "TIME", "value": fastrand::u64(..).to_string() }] })
}

/// No pod of it ever starts.
pub fn spec(rest: Value) -> Value {
    let mut spec = json!({ "replicas": 0, "nodeSelector": { "example.com/nowhere": "yes" } });
    if let (Some(spec), Value::Object(rest)) = (spec.as_object_mut(), rest) {
        spec.extend(rest);
    }
    spec
}

/// How many objects of the kind [`with`] makes.
pub fn count_with(kind: Kind) -> usize {
    match kind {
        Kind::ConfigMap => 3,
        Kind::Service => 2,
        _ => 1,
    }
}

/// How many are left [`without`].
pub fn count_without(kind: Kind) -> usize {
    match kind {
        Kind::ConfigMap => 2,
        Kind::ControllerRevision => 1,
        _ => 0,
    }
}

pub async fn apply(case: &Case, kind: Kind, spec: Value) -> Result<()> {
    case.apply(&name(kind), spec).await.map(drop)
}

/// Waits until there are so many objects of each kind.
pub async fn wait_for(case: &Case, kinds: &[Kind], count: impl Fn(Kind) -> usize) -> Result<()> {
    let counted = kinds.iter().map(|kind| {
        let count = count(*kind);
        let what = format!("{count} of {}", name(*kind));
        let (api, config) = (api(case, *kind), managed(&name(*kind)));
        async move { wait::list(&api, config, &what, wait::LONG, |objects| objects.len() == count).await }
    });
    try_join_all(counted).await.map(drop)
}

/// The objects of the kind's own Microservice.
pub async fn objects(case: &Case, kind: Kind) -> Result<Vec<DynamicObject>> {
    let ours = ListParams::default().labels(&format!("microservice.dev/name={}", name(kind)));
    Ok(api(case, kind).list(&ours).await?.items)
}

/// Deletes them, as somebody else would.
pub async fn delete(case: &Case, kinds: &[Kind]) -> Result<()> {
    try_join_all(kinds.iter().map(|kind| async {
        for object in objects(case, *kind).await? {
            api(case, *kind).delete(&object.name_any(), &DeleteParams::default()).await?;
        }
        anyhow::Ok(())
    }))
    .await
    .map(drop)
}

/// Changes something of ours in each.
pub async fn change(case: &Case, kinds: &[Kind]) -> Result<()> {
    try_join_all(kinds.iter().map(|kind| async {
        for object in objects(case, *kind).await? {
            spoil(&api(case, *kind), &object.name_any()).await?;
        }
        anyhow::Ok(())
    }))
    .await
    .map(drop)
}

/// Changes a label that is ours.
pub async fn spoil(api: &Api<DynamicObject>, name: &str) -> Result<()> {
    let patch = json!({ "metadata": { "labels": { PART_OF: "spoilt" } } });
    api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await?;
    Ok(())
}

/// Is it still as [`spoil`] left it?
pub fn is_spoilt(object: &DynamicObject) -> bool {
    object.labels().get(PART_OF).is_some_and(|value| value == "spoilt")
}

/// Waits until nothing of these is [spoilt](spoil).
pub async fn wait_for_repair(case: &Case, kinds: &[Kind]) -> Result<()> {
    try_join_all(kinds.iter().map(|kind| async {
        let (api, config) = (api(case, *kind), managed(&name(*kind)));
        let repaired =
            |objects: &std::collections::BTreeMap<String, DynamicObject>| !objects.values().any(is_spoilt);
        wait::list(&api, config, "the repair", wait::LONG, repaired).await
    }))
    .await
    .map(drop)
}

pub fn api(case: &Case, kind: Kind) -> Api<DynamicObject> {
    case.dynamic(&kind.resource())
}

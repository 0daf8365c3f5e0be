//! The life of a Microservice, from its creation to its end, and what there is after each step of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use anyhow::{Result, bail, ensure};
use e2e::{Case, wait};
use k8s_openapi::api::{
    apps::v1::ReplicaSet,
    core::v1::{ConfigMap, ServiceAccount},
};
use kube::{
    Api, ResourceExt,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams, PostParams},
};
use operator_core::{api::Microservice, model::Kind};
use serde_json::{Value, json};
use strum::VariantArray;
use tokio::time::sleep;

use super::plan::Faults;

const NAME: &str = "life";

/// Of objects that are not the operator's.
const FOREIGN: &str = "users";

/// All that there is after a step, by kind and name, without what differs from one run to the next.
pub type Objects = BTreeMap<String, Value>;

/// A step of the life: the spec that its owner applies.
pub fn steps() -> Vec<(&'static str, Value)> {
    let mut spec = json!({
        "replicas": 0,
        "concurrency": 2,
        "networkPolicy": "open",
        "files": [{"path": "/etc/motd.d/hello", "content": "hello"}],
        "expose": {"ingress": {"host": "life.example.com"}},
        "monitoring": {"labels": {"release": "main"}, "rules": {}, "dashboard": {}},
    });
    let created = spec.clone();
    spec["env"] = json!([{"name": "GREETING", "value": "hello"}]);
    let other_pods = spec.clone();
    spec["concurrency"] = json!(5);
    let other_concurrency = spec.clone();
    let pruned = json!({
        "replicas": 0,
        "concurrency": 5,
        "env": spec["env"],
        "networkPolicy": "off",
        "serviceAccount": {"name": FOREIGN},
        "monitoring": {"enabled": false},
    });
    vec![
        ("created", created),
        ("other pods", other_pods),
        ("other concurrency", other_concurrency),
        ("switched off", pruned),
    ]
}

/// What is not the operator's, and must not be touched.
pub async fn put_foreign_objects(case: &Case) -> Result<()> {
    let like_ours = json!({"metadata": {"name": FOREIGN, "labels": {
        "app.kubernetes.io/managed-by": "microservice-operator", "microservice.dev/name": NAME}}});
    case.api::<ConfigMap>().create(&PostParams::default(), &serde_json::from_value(like_ours)?).await?;
    let account = json!({"metadata": {"name": FOREIGN}});
    case.api::<ServiceAccount>().create(&PostParams::default(), &serde_json::from_value(account)?).await?;
    Ok(())
}

/// Lives it undisturbed: what there is after each step, and how many writes each took.
pub async fn undisturbed(case: &Case, faults: &Arc<Faults>) -> Result<Vec<(Objects, usize)>> {
    let mut after = Vec::new();
    for (step, spec) in steps() {
        begin(case, faults, spec, wait::LONG).await?;
        quiet(faults).await;
        after.push((objects(case).await?, faults.writes()));
        println!("{step}: {} writes", faults.writes());
    }
    faults.next_step();
    end(case).await?;
    after.push((objects(case).await?, faults.writes()));
    Ok(after)
}

/// Lives it with faults: after each step there is the same as without.
pub async fn disturbed(
    case: &Case,
    faults: &Arc<Faults>,
    expected: &[Objects],
    limit: Duration,
) -> Result<()> {
    for ((step, spec), expected) in steps().into_iter().zip(expected) {
        begin(case, faults, spec, limit).await?;
        same(case, step, expected, limit).await?;
    }
    faults.next_step();
    end(case).await?;
    let Some(nothing) = expected.last() else { bail!("no end") };
    same(case, "deleted", nothing, limit).await
}

async fn begin(case: &Case, faults: &Faults, spec: Value, limit: Duration) -> Result<()> {
    faults.next_step();
    let applied = case.apply(NAME, spec).await?;
    let generation = applied.metadata.generation.unwrap_or_default();
    wait::found(&case.api::<Microservice>(), NAME, "the new generation to be seen", limit, |found| {
        found.status.as_ref().is_some_and(|status| status.observed_generation == generation)
    })
    .await?;
    Ok(())
}

async fn end(case: &Case) -> Result<()> {
    let microservices = case.api::<Microservice>();
    microservices.delete(NAME, &DeleteParams::default()).await?;
    let gone = wait::object(&microservices, NAME, "to be gone", wait::SHORT, |found| found.is_none()).await?;
    ensure!(gone.is_none());
    wait::until("the children to be gone", wait::LONG, async || {
        let left = objects(case).await?;
        Ok((!left.keys().any(|name| name.contains(&format!("/{NAME}")))).then_some(()))
    })
    .await
}

/// Waits until nothing was written for a while.
async fn quiet(faults: &Faults) {
    let mut before = usize::MAX;
    while faults.writes() != before {
        before = faults.writes();
        sleep(Duration::from_millis(2500)).await;
    }
}

async fn same(case: &Case, step: &str, expected: &Objects, limit: Duration) -> Result<()> {
    let mut differences = String::new();
    let outcome = wait::until(&format!("the same as in an undisturbed run, {step}"), limit, async || {
        let found = objects(case).await?;
        differences = differing(expected, &found);
        Ok(differences.is_empty().then_some(()))
    })
    .await;
    if outcome.is_err() {
        bail!("{step}: other objects than in an undisturbed run:\n{differences}");
    }
    Ok(())
}

fn differing(expected: &Objects, found: &Objects) -> String {
    let names: BTreeSet<_> = expected.keys().chain(found.keys()).collect();
    let mut differences = Vec::new();
    for name in names {
        match (expected.get(name), found.get(name)) {
            (Some(expected), Some(found)) => compare(name, expected, found, &mut differences),
            (Some(_), None) => differences.push(format!("{name} is missing")),
            _ => differences.push(format!("{name} is too many")),
        }
    }
    differences.join("\n")
}

/// Down to the fields that differ.
fn compare(path: &str, expected: &Value, found: &Value, differences: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                compare(&format!("{path}.{key}"), &expected[key], &found[key], differences);
            }
        }
        _ if expected == found => {}
        _ => differences.push(format!("{path}: expected {expected}, found {found}")),
    }
}

/// All objects of the kinds that the operator makes, and what others make of them.
async fn objects(case: &Case) -> Result<Objects> {
    let own = Kind::VARIANTS.iter().map(|kind| kind.resource());
    let others = [ApiResource::erase::<ReplicaSet>(&()), ApiResource::erase::<Microservice>(&())];
    let mut all = Objects::new();
    for resource in own.chain(others) {
        let api: Api<DynamicObject> = case.dynamic(&resource);
        let list = match api.list(&ListParams::default()).await {
            Ok(list) => list,
            // An optional kind.
            Err(kube::Error::Api(status)) if status.code == 404 => continue,
            Err(error) => return Err(error.into()),
        };
        for object in list {
            let name = format!("{}/{}", resource.kind, object.name_any());
            all.insert(name, plain(&resource.kind, object)?);
        }
    }
    let uid = all.get(&format!("Microservice/{NAME}")).and_then(|m| m["metadata"]["uid"].as_str());
    let uid = uid.unwrap_or("no uid").to_owned();
    all.into_iter()
        .map(|(name, mut object)| {
            remove(&mut object, "/metadata", "uid");
            // The names of revisions are made of their content, the owner's uid included.
            let name = match object["revision"].as_i64() {
                Some(number) => {
                    remove(&mut object, "/metadata", "name");
                    format!("ControllerRevision/{number}")
                }
                None => name,
            };
            let text = object.to_string().replace(&uid, "UID").replace(&case.namespace, "NAMESPACE");
            Ok((name, serde_json::from_str(&text)?))
        })
        .collect()
}

/// Without times, versions and what the cluster chose.
fn plain(kind: &str, object: DynamicObject) -> Result<Value> {
    let is_foreign = object.name_any() == FOREIGN;
    let mut object = serde_json::to_value(object)?;
    for key in ["creationTimestamp", "resourceVersion"] {
        remove(&mut object, "/metadata", key);
    }
    if is_foreign {
        // With whoever wrote it.
        remove(&mut object, "/metadata", "uid");
        for entry in list(&mut object, "/metadata/managedFields") {
            remove(entry, "", "time");
        }
        return Ok(object);
    }
    if kind == "ReplicaSet" {
        // The cluster's own; they name the Deployment by its uid.
        for key in ["managedFields", "ownerReferences"] {
            remove(&mut object, "/metadata", key);
        }
    }
    for entry in list(&mut object, "/metadata/managedFields") {
        remove(entry, "", "time");
    }
    list(&mut object, "/metadata/managedFields").sort_by_key(ToString::to_string);
    remove(&mut object, "/metadata/annotations", "microservice.dev/applied");
    for condition in list(&mut object, "/status/conditions") {
        for key in ["lastTransitionTime", "lastUpdateTime"] {
            remove(condition, "", key);
        }
    }
    remove(&mut object, "/status/lastRollout", "time");
    for item in list(&mut object, "/status/inventory") {
        if item["kind"] == "ControllerRevision" {
            remove(item, "", "name");
        }
    }
    for key in ["clusterIP", "clusterIPs"] {
        remove(&mut object, "/spec", key);
    }
    // A dashboard's is made of the names of object and namespace.
    let files: Vec<String> =
        object["data"].as_object().into_iter().flat_map(|data| data.keys().cloned()).collect();
    for file in files {
        in_json(&mut object, &format!("/data/{file}"), "uid");
    }
    Ok(object)
}

fn remove(object: &mut Value, pointer: &str, key: &str) {
    if let Some(part) = object.pointer_mut(pointer).and_then(Value::as_object_mut) {
        part.remove(key);
    }
}

/// In a text that is itself JSON.
fn in_json(object: &mut Value, pointer: &str, key: &str) {
    if let Some(text) = object.pointer_mut(pointer)
        && let Some(mut inner) = text.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok())
    {
        remove(&mut inner, "", key);
        *text = inner.to_string().into();
    }
}

fn list<'a>(object: &'a mut Value, pointer: &str) -> &'a mut [Value] {
    object.pointer_mut(pointer).and_then(Value::as_array_mut).map_or(&mut [], Vec::as_mut_slice)
}

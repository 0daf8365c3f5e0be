//! What pods are started with stays as it was for as long as a pod of it may start, against an API server in
//! memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::needless_pass_by_value)]

mod support;

use kube::{api::DynamicObject, runtime::watcher::Event};
use operator_core::{api::Microservice, model::Kind};
use rstest::rstest;
use serde_json::{Value, json};
use support::world::{
    CONFIGURATION, CORE, DEPLOYMENT, REVISION, STATUS, World, changed, condition, now_ready, settled,
    with_status, world,
};

const LIVE: &str = "/api/v1/namespaces/team/configmaps/hello";
const REVISIONS: &str = "/apis/apps/v1/namespaces/team/controllerrevisions/";

fn delay(delay: &str) -> Value {
    json!({"config": {"message": {"delay": delay}}})
}

/// The paths of the ConfigMaps that new pods are started with.
fn named(world: &World) -> Vec<String> {
    let deployment = world.api.get(DEPLOYMENT).unwrap();
    let template = &deployment["spec"]["template"];
    let volumes = template["spec"]["volumes"].as_array().unwrap();
    let volume = |name: &str| volumes.iter().find(|volume| volume["name"] == name);
    let config = &volume("config").unwrap()["projected"]["sources"][0]["configMap"]["name"];
    let files = volume("files").map(|volume| &volume["configMap"]["name"]);
    let names: Vec<_> = [config].into_iter().chain(files).map(|name| name.as_str().unwrap()).collect();
    assert_eq!(template["metadata"]["annotations"]["microservice.dev/config"], names.join(","));
    names.iter().map(|name| format!("{CORE}/configmaps/{name}")).collect()
}

/// Those that there are.
fn immutable(world: &World) -> Vec<String> {
    let all = world.api.paths(&format!("{CORE}/configmaps/hello-")).into_iter();
    all.filter(|path| world.api.get(path).unwrap()["immutable"] == true).collect()
}

fn inventory(microservice: &Microservice) -> Vec<String> {
    let items = microservice.status.as_ref().unwrap().inventory.iter();
    let maps = items.filter(|item| item.kind == "ConfigMap" && item.name.starts_with("hello-"));
    maps.map(|item| format!("{CORE}/configmaps/{}", item.name)).collect()
}

/// A pod that was started with these.
fn runs(world: &World, name: &str, configuration: &str) {
    let annotations =
        json!({"microservice.dev/microservice": "hello", "microservice.dev/config": configuration});
    let metadata = json!({"name": name, "namespace": "team", "uid": name, "annotations": annotations});
    world.watched_pod(json!({ "metadata": metadata }));
}

fn ends(world: &World, name: &str) {
    let pod = serde_json::from_value(json!({"metadata": {"name": name, "namespace": "team"}})).unwrap();
    world.context.reader.stores.pods.handle(Event::Delete(pod));
}

#[rstest]
#[case::the_service_s(json!({}), delay("oops"))]
#[case::nginx_s(json!({}), json!({"proxy": {"gzip": true}}))]
#[case::a_file(json!({"files": [{"path": "/a", "content": "1"}]}), json!({"files": [{"path": "/a", "content": "2"}]}))]
#[case::a_file_that_is_removed(json!({"files": [{"path": "/a", "content": "1"}, {"path": "/b", "content": "2"}]}), json!({"files": [{"path": "/a", "content": "1"}]}))]
#[case::the_last_file(json!({"files": [{"path": "/a", "content": "1"}]}), json!({}))]
#[tokio::test]
async fn another_configuration_leaves_that_of_old_pods_as_it_was(
    #[case] before: Value,
    #[case] after: Value,
) {
    let world = world();
    let good = settled(&world, before).await;
    let old: Vec<_> = named(&world).into_iter().map(|path| (world.api.get(&path).unwrap(), path)).collect();
    let (_, bad) = world.step(&changed(&good, after)).await;
    assert_ne!(named(&world), old.iter().map(|(_, path)| path.clone()).collect::<Vec<_>>());
    for (map, path) in &old {
        assert_eq!(map["immutable"], true);
        assert_eq!(world.api.get(path).as_ref(), Some(map), "{path}");
    }
    let mut all: Vec<_> = old.into_iter().map(|(_, path)| path).chain(named(&world)).collect();
    all.sort();
    all.dedup();
    assert_eq!(inventory(&bad), all);
}

#[tokio::test]
async fn a_number_that_pods_follow_replaces_none() {
    let world = world();
    let before = settled(&world, json!({})).await;
    let pods = named(&world);
    let (writes, after) = world.step(&changed(&before, json!({"concurrency": 9}))).await;
    let writes: Vec<_> = writes.into_iter().filter(|write| !write.ends_with(REVISION)).collect();
    assert_eq!(writes, [LIVE, STATUS].map(|path| format!("PATCH {path}")));
    assert_eq!(named(&world), pods);
    let live = world.api.get(LIVE).unwrap();
    assert!(live["data"]["live.yaml"].as_str().unwrap().contains("workers: 9"));
    assert_eq!(world.step(&after).await.0, [""; 0], "at rest");
}

#[tokio::test]
async fn what_comes_back_finds_what_it_was_started_with_even_if_somebody_deleted_it() {
    let world = world();
    let of = |mut spec: Value| {
        spec["rollout"] = json!({"onFailure": "RollBack"});
        spec
    };
    let good = settled(&world, of(json!({}))).await;
    let path = named(&world).remove(0);
    let map = world.api.get(&path).unwrap();
    let (_, bad) = world.step(&changed(&good, of(delay("oops")))).await;
    let lost: DynamicObject = serde_json::from_value(map.clone()).unwrap();
    world.context.reader.stores.of(Kind::ConfigMap).handle(Event::Delete(lost));
    world.api.remove(&path);
    world.deployment_says(json!({
        "observedGeneration": 1, "replicas": 2, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1,
        "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}],
    }));
    let (_, failed) = world.step(&bad).await;
    let (_, back) = world.step(&failed).await;
    assert_eq!(condition(back.status.as_ref().unwrap(), "Progressing").1, "RolledBack");
    assert_eq!(named(&world)[0], path);
    assert_eq!(world.api.get(&path).unwrap()["data"], map["data"]);
}

#[tokio::test]
async fn what_nobody_needs_any_more_is_deleted() {
    let world = world();
    let of = |mut spec: Value| {
        spec["rollout"] = json!({"revisionHistory": 1});
        spec
    };
    let mut at = settled(&world, of(json!({}))).await;
    let first = named(&world).remove(0);
    runs(&world, "hello-1", first.rsplit('/').next().unwrap());
    let mut all = vec![first.clone()];
    for seconds in ["1s", "2s", "3s"] {
        let (_, next) = world.step(&changed(&at, of(delay(seconds)))).await;
        at = now_ready(&world, &next).await;
        all.push(named(&world).remove(0));
    }
    let sorted = |paths: &[&String]| {
        let mut paths: Vec<_> = paths.iter().map(ToString::to_string).collect();
        paths.sort();
        paths
    };
    let kept = sorted(&[&all[0], &all[2], &all[3]]);
    assert_eq!(immutable(&world), kept, "of a pod, of the last ReplicaSet, of the current one");
    assert_eq!(inventory(&at), kept);
    ends(&world, "hello-1");
    let (writes, at) = world.step(&at).await;
    assert_eq!(writes, [format!("DELETE {CONFIGURATION}"), format!("PATCH {STATUS}")]);
    let kept = sorted(&[&all[2], &all[3]]);
    assert_eq!((immutable(&world), inventory(&at)), (kept.clone(), kept));
    assert_eq!(world.step(&at).await.0, [""; 0], "at rest");
}

#[tokio::test]
async fn one_that_somebody_deletes_is_made_again() {
    let world = world();
    let first = settled(&world, json!({})).await;
    let path = named(&world).remove(0);
    let map = world.api.get(&path).unwrap();
    let lost: DynamicObject = serde_json::from_value(map.clone()).unwrap();
    world.context.reader.stores.of(Kind::ConfigMap).handle(Event::Delete(lost));
    world.api.remove(&path);
    let (writes, _) = world.step(&first).await;
    assert_eq!(writes, [format!("PATCH {CONFIGURATION}")]);
    assert_eq!(world.api.get(&path).unwrap()["data"], map["data"]);
}

/// After an upgrade of the operator pods stay as they are, and what they are started with does, too.
#[tokio::test]
async fn what_another_operator_made_is_made_again_out_of_its_record() {
    const OTHER: &str = "hello-aaaaaaaaaaaaaaaa";
    let world = world();
    let first = settled(&world, json!({})).await;
    let fresh = named(&world).remove(0);
    let path = world.api.paths(REVISIONS).remove(0);
    let text = world.api.get(&path).unwrap().to_string();
    let mut revision: Value =
        serde_json::from_str(&text.replace(fresh.rsplit('/').next().unwrap(), OTHER)).unwrap();
    revision["data"]["rendering"]["configuration"]["data"]["nginx.conf"] = json!("# another");
    revision["metadata"]["annotations"]["microservice.dev/rendering"] = json!("another");
    world.api.put(&path, revision);
    world.watched(Kind::ControllerRevision, &path);
    let (_, after) = world.step(&first).await;
    assert_eq!(named(&world), [format!("{CORE}/configmaps/{OTHER}")]);
    let map = world.api.get(&named(&world)[0]).unwrap();
    assert_eq!((&map["data"]["nginx.conf"], &map["immutable"]), (&json!("# another"), &json!(true)));
    assert_eq!(immutable(&world), named(&world), "nobody needs this operator's");
    assert_eq!(inventory(&after), named(&world));
}

#[tokio::test]
async fn a_name_that_is_taken_is_told_and_left_to_its_owner() {
    let world = world();
    let first = settled(&world, json!({})).await;
    let path = named(&world).remove(0);
    let mut foreign = world.api.get(&path).unwrap();
    foreign["metadata"] = json!({"name": foreign["metadata"]["name"], "namespace": "team"});
    let lost: DynamicObject = serde_json::from_value(foreign.clone()).unwrap();
    world.context.reader.stores.of(Kind::ConfigMap).handle(Event::Delete(lost));
    world.api.put(&path, foreign.clone());
    world.reconcile(&first).await.unwrap_err();
    assert_eq!(world.api.get(&path), Some(foreign));
    let problems = with_status(&world, &first).status.unwrap().problems;
    assert!(problems[0].message.contains("is taken by an object of somebody else"), "{problems:?}");
}

#[tokio::test]
async fn with_an_image_that_reads_its_numbers_once_they_are_part_of_it() {
    let world = world();
    let of = |workers: i32| json!({"concurrencyChange": "Restart", "concurrency": workers});
    let before = settled(&world, of(4)).await;
    let path = named(&world).remove(0);
    let map = world.api.get(&path).unwrap();
    let (writes, _) = world.step(&changed(&before, of(9))).await;
    assert!(writes.contains(&format!("PATCH {DEPLOYMENT}")), "{writes:?}");
    assert_ne!(named(&world)[0], path);
    assert_eq!(world.api.get(&path), Some(map), "a pod of before starts as before");
    let environment =
        world.api.get(DEPLOYMENT).unwrap()["spec"]["template"]["spec"]["containers"][0]["env"].clone();
    let workers = environment.as_array().unwrap().iter().find(|one| one["name"] == "WEB_CONCURRENCY");
    assert_eq!(workers.unwrap()["value"], "9");
}

/// The cluster as an operator left it that kept everything in one ConfigMap, with a pod.
async fn earlier(world: &mut World) -> Microservice {
    let first = settled(world, json!({})).await;
    let immutable = named(world).remove(0);
    let data = world.api.get(&immutable).unwrap()["data"].clone();
    let mut template = world.api.get(DEPLOYMENT).unwrap()["spec"]["template"].clone();
    template["metadata"]["annotations"]["microservice.dev/config"] = json!("0123456789abcdef");
    template["spec"]["volumes"][0] = json!({"name": "config", "configMap": {"name": "hello"}});
    let mut live = world.api.get(LIVE).unwrap();
    let server = json!({"server": {"workers": 4, "requests_per_worker": 1, "timeout": "60s"}}).to_string();
    live["data"] = json!({"service.yaml": server, "nginx.conf": data["nginx.conf"], "concurrency": "4", "requestsPerWorker": "1"});
    let path = world.api.paths(REVISIONS).remove(0);
    let mut revision = world.api.get(&path).unwrap();
    revision["data"]["rendering"] = json!({"template": template, "config": live["data"]});
    let annotations = revision["metadata"]["annotations"].as_object_mut().unwrap();
    annotations.remove("microservice.dev/config");
    annotations["microservice.dev/rendering"] = json!("earlier");
    world.api.put(&path, revision);
    world.watched(Kind::ControllerRevision, &path);
    world.api.put(LIVE, live);
    world.api.remove(&immutable);
    let gone: DynamicObject = serde_json::from_value(
        json!({"metadata": {"namespace": "team", "name": immutable.rsplit('/').next()}}),
    )
    .unwrap();
    world.context.reader.stores.of(Kind::ConfigMap).handle(Event::Delete(gone));
    runs(world, "hello-1", "0123456789abcdef");
    first
}

fn live(world: &World) -> Value {
    world.api.get(LIVE).unwrap()["data"].clone()
}

#[tokio::test]
async fn pods_of_an_earlier_operator_keep_their_files_and_follow_their_numbers() {
    let mut world = world();
    let before = earlier(&mut world).await;
    let (_, upgraded) = world.step(&before).await;
    let volume =
        |world: &World| world.api.get(DEPLOYMENT).unwrap()["spec"]["template"]["spec"]["volumes"][0].clone();
    assert_eq!(volume(&world)["configMap"]["name"], "hello", "no pod is replaced");
    assert!(live(&world)["nginx.conf"].is_string());
    assert_eq!(immutable(&world), [""; 0]);
    let (writes, faster) = world.step(&changed(&upgraded, json!({"concurrency": 9}))).await;
    assert!(!writes.contains(&format!("PATCH {DEPLOYMENT}")), "{writes:?}");
    let workers = |world: &World| -> Value {
        let file: Value = serde_yaml::from_str(live(world)["service.yaml"].as_str().unwrap()).unwrap();
        file["server"].clone()
    };
    assert_eq!(workers(&world), json!({"workers": 9, "requests_per_worker": 1, "timeout": "60s"}));

    let broken = json!({"concurrency": 9, "config": {"message": {"delay": "oops"}}});
    let (_, broken) = world.step(&changed(&faster, broken)).await;
    assert_eq!(
        volume(&world)["projected"]["sources"][0]["configMap"]["name"],
        named(&world)[0][CORE.len() + 12..]
    );
    assert_eq!(workers(&world)["timeout"], "60s", "as long as a pod of it runs");

    let mended = json!({"concurrency": 9, "config": {"message": {"delay": "1s"}}});
    let (_, mended) = world.step(&changed(&broken, mended)).await;
    assert_eq!(workers(&world)["timeout"], "60s");
    ends(&world, "hello-1");
    world.deployment_is_ready();
    let (_, ready) = world.step(&mended).await;
    let (_, rests) = world.step(&ready).await;
    assert_eq!(world.step(&rests).await.0, [""; 0], "at rest");
    let keys: Vec<_> = live(&world).as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["concurrency", "live.yaml", "requestsPerWorker"]);
}

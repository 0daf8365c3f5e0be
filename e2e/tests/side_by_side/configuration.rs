//! A configuration belongs to the pods that were made with it: another one, a broken one above all, is no
//! business of theirs, whenever one of them has to start again.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use e2e::{Case, managed, wait};
use k8s_openapi::api::{
    apps::v1::ReplicaSet,
    core::v1::{ConfigMap, Pod},
};
use kube::{
    ResourceExt,
    api::{DeleteParams, ListParams, LogParams, Patch, PatchParams},
};
use operator_core::{model::meta::CONFIG_ANNOTATION, observed::is_ready};
use serde_json::{Value, json};

const REPLICAS: usize = 2;

/// Of the bundled service.
fn delayed(delay: &str, mut more: Value) -> Value {
    more["replicas"] = json!(REPLICAS);
    more["config"] = json!({ "message": { "delay": delay } });
    more
}

/// What the pods show; one that lacks any of it does not get ready.
const FILES: [&str; 2] = ["/etc/shop/first", "/etc/shop/second"];

/// Pods that show files with this content, of which the spec has so many.
fn shows(case: &Case, content: &str, count: usize) -> Value {
    let show = [&["show"][..], &FILES].concat();
    let args = [&show[..], &["--stay"]].concat();
    let ready = [&["/e2e-client"][..], &show].concat();
    let file = |path: &&str| json!({ "path": path, "content": content });
    let files: Vec<_> = FILES.iter().take(count).map(file).collect();
    json!({
        "replicas": REPLICAS,
        "image": case.settings.client_image,
        "command": ["/e2e-client"],
        "args": args,
        "probes": { "readiness": { "exec": { "command": ready } } },
        "files": files,
        "proxy": { "enabled": false },
        "monitoring": { "enabled": false },
        "concurrencyChange": "Restart",
    })
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn a_broken_configuration_takes_down_no_pod_that_had_nothing_to_do_with_it() -> Result<()> {
    e2e::run("configuration", async |case| {
        case.apply_ready("c", delayed("0s", json!({}))).await?;
        let old = template(case).await?;
        case.apply("c", delayed("oops", json!({}))).await?;
        new_pod(case, &old, |pod| restarts(pod) > 0).await?;
        drain(case, &old).await?;
        assert_eq!(case.request("POST", "http://c/microservice", Some("{}")).await?.status, 200);
        case.apply_ready("c", delayed("1ms", json!({}))).await?;
        assert_ne!(template(case).await?, old);
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn a_file_that_is_removed_or_changed_stays_for_the_pods_that_have_it() -> Result<()> {
    e2e::run("configuration-files", async |case| {
        case.apply_ready("c", shows(case, "one", 2)).await?;
        let old = template(case).await?;
        case.apply("c", shows(case, "two", 1)).await?;
        new_pod(case, &old, |pod| pod.status.as_ref().is_some_and(|status| status.pod_ip.is_some())).await?;
        drain(case, &old).await?;
        for pod in of(&case.pods("c").await?, &old) {
            assert_eq!(shown(case, pod).await?, ["one", "one"]);
        }
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn a_configuration_that_is_taken_back_is_the_one_of_before() -> Result<()> {
    e2e::run("configuration-back", async |case| {
        let rollout = || json!({ "rollout": { "progressDeadline": "5s", "onFailure": "RollBack" } });
        case.apply_ready("c", delayed("0s", rollout())).await?;
        let (old, before) = (template(case).await?, maps(case).await?);
        case.apply("c", delayed("oops", rollout())).await?;
        case.condition("c", "Progressing", "False", "RolledBack").await?;
        // Somebody thinks that it is not needed any more.
        let map = before.first().context("no map")?;
        let uid = case.api::<ConfigMap>().get(map).await?.uid();
        case.api::<ConfigMap>().delete(map, &DeleteParams::default()).await?;
        let another = |found: &ConfigMap| found.uid() != uid;
        wait::found(&case.api::<ConfigMap>(), map, "to be made again", wait::SHORT, another).await?;
        drain(case, &old).await?;
        assert_eq!(case.request("POST", "http://c/microservice", Some("{}")).await?.status, 200);
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn rollout_undo_finds_the_configuration_of_before() -> Result<()> {
    e2e::run("configuration-undo", async |case| {
        case.apply_ready("c", shows(case, "one", 2)).await?;
        let old = template(case).await?;
        case.apply_ready("c", shows(case, "two", 2)).await?;
        // Or the operator would set back at once what it did not do itself.
        let mut suspended = shows(case, "two", 2);
        suspended["suspend"] = json!(true);
        case.apply("c", suspended).await?;
        case.condition("c", "Progressing", "False", "Suspended").await?;
        case.kubectl().run(&["rollout", "undo", "deployment/c"]).await?;
        all_ready(case, |pod| hash(pod) == old).await?;
        for pod in case.pods("c").await? {
            assert_eq!(shown(case, &pod).await?, ["one", "one"]);
        }
        case.apply_ready("c", shows(case, "two", 2)).await?;
        assert_ne!(template(case).await?, old);
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn a_configuration_that_nobody_names_is_deleted() -> Result<()> {
    e2e::run("configuration-pruned", async |case| {
        let spec = |delay: &str| delayed(delay, json!({ "rollout": { "revisionHistory": 1 } }));
        for delay in ["1ms", "2ms", "3ms", "4ms"] {
            case.apply_ready("c", spec(delay)).await?;
        }
        // Old pods, and the ReplicaSet that is one too many, take a moment to go.
        let left = wait::until("only those maps that ReplicaSets name", wait::LONG, async || {
            let (found, named) = (maps(case).await?, named_by_replica_sets(case).await?);
            Ok((found == named).then_some(found))
        })
        .await?;
        assert_eq!(left.len(), 2, "{left:?}");
        // Others can't change them.
        let change = Patch::Merge(json!({ "data": { "service.yaml": "" } }));
        let map = left.first().context("no map")?;
        let refused = case.api::<ConfigMap>().patch(map, &PatchParams::default(), &change).await;
        assert!(refused.is_err_and(|error| error.to_string().contains("immutable")));
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn live_numbers_reach_the_file_that_the_service_follows() -> Result<()> {
    e2e::run("configuration-live", async |case| {
        let spec = |concurrency: i32| json!({ "concurrency": concurrency });
        case.apply_ready("c", spec(4)).await?;
        let (pod, before) = (case.pods("c").await?.pop().context("no pod")?, maps(case).await?);
        // Ready says that the service, which reads nothing but the file, has taken it.
        case.apply_ready("c", spec(9)).await?;
        let after = case.pods("c").await?.pop().context("no pod")?;
        assert_eq!((after.uid(), restarts(&after)), (pod.uid(), 0));
        let workers: Value = serde_json::from_str(&case.admin(&pod.name_any(), "/workers").await?)?;
        assert_eq!(workers["workers"], 9);
        assert_eq!(maps(case).await?, before);
        Ok(())
    })
    .await
}

/// As a drain does: each pod of a template has to be replaced, one after the other.
async fn drain(case: &Case, template: &str) -> Result<()> {
    let pods = case.pods("c").await?;
    assert_eq!(of(&pods, template).count(), REPLICAS, "the old pods go on");
    for pod in of(&pods, template) {
        case.api::<Pod>().delete(&pod.name_any(), &DeleteParams::default()).await?;
        let replaced = |pods: &BTreeMap<String, Pod>| {
            let others: Vec<_> = pods.values().filter(|other| other.uid() != pod.uid()).cloned().collect();
            let stay: Vec<_> = of(&others, template).collect();
            stay.len() == REPLICAS && stay.iter().all(|pod| is_ready(pod))
        };
        let api = case.api::<Pod>();
        wait::list(&api, managed("c"), "another pod of the same template", wait::LONG, replaced).await?;
    }
    Ok(())
}

/// Waits for a pod of another template.
async fn new_pod(case: &Case, old: &str, good: impl Fn(&Pod) -> bool) -> Result<()> {
    let found = |pods: &BTreeMap<String, Pod>| pods.values().any(|pod| hash(pod) != old && good(pod));
    wait::list(&case.api::<Pod>(), managed("c"), "a new pod", wait::LONG, found).await.map(drop)
}

async fn all_ready(case: &Case, good: impl Fn(&Pod) -> bool) -> Result<()> {
    let all = |pods: &BTreeMap<String, Pod>| {
        pods.len() == REPLICAS && pods.values().all(|pod| good(pod) && is_ready(pod))
    };
    wait::list(&case.api::<Pod>(), managed("c"), "all pods", wait::LONG, all).await.map(drop)
}

/// Those of a template that are not about to end.
fn of<'a>(pods: &'a [Pod], template: &str) -> impl Iterator<Item = &'a Pod> {
    pods.iter().filter(move |pod| hash(pod) == template && pod.metadata.deletion_timestamp.is_none())
}

/// The template that all pods are made from.
async fn template(case: &Case) -> Result<String> {
    let templates: BTreeSet<_> = case.pods("c").await?.iter().map(hash).collect();
    assert_eq!(templates.len(), 1, "{templates:?}");
    templates.into_iter().next().context("no pod")
}

/// Which version of the pod template a pod was made from.
fn hash(pod: &Pod) -> String {
    pod.labels().get("pod-template-hash").cloned().unwrap_or_default()
}

fn restarts(pod: &Pod) -> i32 {
    let containers = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    containers.map(|container| container.restart_count).sum()
}

/// What the pod shows.
async fn shown(case: &Case, pod: &Pod) -> Result<[String; 2]> {
    let params = LogParams { container: Some("service".into()), ..LogParams::default() };
    let log = case.api::<Pod>().logs(&pod.name_any(), &params).await?;
    let shown: Value = serde_json::from_str(&log).with_context(|| format!("not what it shows: {log}"))?;
    Ok(FILES.map(|file| shown["files"][file].as_str().unwrap_or_default().to_owned()))
}

/// The names of the immutable ConfigMaps.
async fn maps(case: &Case) -> Result<BTreeSet<String>> {
    let ours =
        ListParams::default().labels("microservice.dev/name=c,app.kubernetes.io/component=configuration");
    Ok(case.api::<ConfigMap>().list(&ours).await?.iter().map(ResourceExt::name_any).collect())
}

/// The names of those that ReplicaSets need.
async fn named_by_replica_sets(case: &Case) -> Result<BTreeSet<String>> {
    let ours = ListParams::default().labels("microservice.dev/name=c");
    let sets = case.api::<ReplicaSet>().list(&ours).await?;
    let templates = sets.into_iter().filter_map(|set| set.spec?.template?.metadata?.annotations);
    let noted: Vec<_> = templates.filter_map(|mut all| all.remove(CONFIG_ANNOTATION)).collect();
    Ok(noted.iter().flat_map(|names| names.split(',')).map(ToOwned::to_owned).collect())
}

//! Which rendering of which spec is applied, and why pods are replaced, against an API server in memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::needless_pass_by_value)]

mod support;

use std::sync::Arc;

use kube::{api::ObjectMeta, core::ObjectList, runtime::watcher::Event};
use operator::controller::unreadable;
use operator_core::{
    api::{LastRollout, Microservice, RolloutReason},
    model::Kind,
    observed::ReferenceKind,
};
use rstest::rstest;
use serde_json::{Value, json};
use support::world::{
    CORE, DEPLOYMENT, MONITOR, REVISION, STATUS, World, changed, condition, microservice, now_ready, settled,
    world,
};

fn rollout(microservice: &Microservice) -> LastRollout {
    microservice.status.clone().unwrap().last_rollout.expect("a rollout")
}

/// peers: opentelemetry-operator#2651, VictoriaMetrics/operator#296
#[tokio::test]
async fn what_somebody_took_our_label_from_is_still_deleted_when_it_is_switched_off() {
    let world = world();
    let on = settled(&world, json!({})).await;
    // Without the label the watch sees nothing of it: the store is empty.
    let mut monitor = world.api.get(MONITOR).unwrap();
    monitor["metadata"]["labels"] = json!({});
    world.api.put(MONITOR, monitor);
    let (writes, off) = world.step(&changed(&on, json!({"monitoring": {"enabled": false}}))).await;
    assert!(writes.contains(&format!("DELETE {MONITOR}")), "{writes:?}");
    world.api.requests();
    world.reconcile(&off).await.unwrap();
    let requests = world.api.requests();
    assert!(!requests.iter().any(|r| r.contains("servicemonitors")), "it is forgotten: {requests:?}");
}

/// peers: cloudnative-pg#1844
#[tokio::test]
async fn an_object_of_the_user_is_never_deleted_though_ours_had_its_name() {
    let world = world();
    let on = settled(&world, json!({})).await;
    let own = json!({"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor",
        "metadata": {"name": "hello", "namespace": "team", "uid": "the-users"}});
    world.api.put(MONITOR, own.clone());
    let (writes, off) = world.step(&changed(&on, json!({"monitoring": {"enabled": false}}))).await;
    assert!(!writes.iter().any(|w| w.contains(MONITOR)), "{writes:?}");
    assert_eq!(world.api.get(MONITOR), Some(own));
    let inventory = off.status.unwrap().inventory;
    assert!(!inventory.iter().any(|item| item.kind == "ServiceMonitor"), "{inventory:?}");
}

/// peers: elastic/cloud-on-k8s#4972, k8ssandra/cass-operator#566, zalando/postgres-operator#2214
#[tokio::test]
async fn an_upgrade_of_the_operator_changes_no_pod() {
    let mut world = world();
    let before = settled(&world, json!({})).await;
    world.upgrade("2");
    let (writes, after) = world.step(&before).await;
    assert_eq!(writes, [format!("PATCH {STATUS}")]);
    assert_eq!(world.image(), "service:1");
    let status = after.status.as_ref().unwrap();
    assert_eq!(status.effective_image, "service:1");
    assert!(condition(status, "Progressing").2.contains("upgradePolicy: Auto"), "{status:?}");
    assert_eq!(rollout(&after), rollout(&before));
    assert_eq!(world.step(&after).await.0, [""; 0], "at rest");
    // Drift is set back to the old ones, too.
    let mut deployment = world.api.get(DEPLOYMENT).unwrap();
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = json!("drift:1");
    world.api.put(DEPLOYMENT, deployment);
    let (_, repaired) = world.step(&after).await;
    assert_eq!(world.image(), "service:1");
    assert_eq!(rollout(&repaired).reason, RolloutReason::DriftRepaired);
}

#[rstest]
#[case::workers(json!({"concurrency": 9}))]
#[case::replicas(json!({"replicas": 3}))]
#[case::monitoring(json!({"monitoring": {"labels": {"release": "x"}}}))]
#[tokio::test]
async fn a_change_that_concerns_no_pod_brings_no_upgrade(#[case] spec: Value) {
    let mut world = world();
    let before = settled(&world, json!({})).await;
    world.upgrade("2");
    let (_, upgraded) = world.step(&before).await;
    let (_, after) = world.step(&changed(&upgraded, spec.clone())).await;
    assert_eq!(world.image(), "service:1");
    assert_eq!(rollout(&after), rollout(&before));
    let config = world.api.get(&format!("{CORE}/configmaps/hello")).unwrap();
    let workers = spec["concurrency"].as_i64().unwrap_or(4).to_string();
    assert_eq!(config["data"]["concurrency"], workers, "the change itself is made");
    assert!(config["data"]["live.yaml"].as_str().unwrap().contains(&format!("workers: {workers}")));
    assert_eq!(world.step(&after).await.0, [""; 0], "at rest");
}

#[tokio::test]
async fn a_change_of_the_pods_brings_the_upgrade_with_it() {
    let mut world = world();
    let before = settled(&world, json!({})).await;
    world.upgrade("2");
    let (_, upgraded) = world.step(&before).await;
    let env = json!({"env": [{"name": "A", "value": "1"}]});
    let (writes, after) = world.step(&changed(&upgraded, env)).await;
    assert_eq!(writes[0], format!("PATCH {REVISION}"));
    assert_eq!(world.image(), "service:2");
    let rollout = rollout(&after);
    assert_eq!((rollout.reason, rollout.generation), (RolloutReason::SpecChanged, 2));
    assert_eq!(rollout.changed_fields, ["spec.env[A]"]);
}

#[tokio::test]
async fn the_cause_of_a_rollout_is_told_whatever_failed_before() {
    let world = world();
    let before = settled(&world, json!({})).await;
    let env = changed(&before, json!({"env": [{"name": "A", "value": "1"}]}));
    for failing in [DEPLOYMENT, STATUS] {
        world.api.fail(&format!("PATCH {failing}"), 500, "InternalError");
        world.reconcile(&env).await.unwrap_err();
        world.api.mend();
    }
    let (_, after) = world.step(&env).await;
    let rollout = rollout(&after);
    assert_eq!((rollout.reason, rollout.generation), (RolloutReason::SpecChanged, 2));
    assert_eq!(rollout.changed_fields, ["spec.env[A]"]);
    assert_eq!(world.step(&now_ready(&world, &after).await).await.0, [""; 0], "at rest");
}

#[tokio::test]
async fn an_upgrade_is_followed_at_once_where_that_is_asked_for() {
    let mut world = world();
    let before = settled(&world, json!({"upgradePolicy": "Auto"})).await;
    world.upgrade("2");
    let (_, after) = world.step(&before).await;
    assert_eq!(world.image(), "service:2");
    let rollout = rollout(&after);
    assert_eq!(rollout.reason, RolloutReason::OperatorUpgraded);
    assert!(
        rollout.changed_fields.contains(&"template.spec.containers[service].image".into()),
        "{rollout:?}"
    );
}

#[tokio::test]
async fn who_lets_upgrades_in_later_gets_the_one_that_waits() {
    let mut world = world();
    let before = settled(&world, json!({})).await;
    world.upgrade("2");
    let (_, upgraded) = world.step(&before).await;
    let (_, after) = world.step(&changed(&upgraded, json!({"upgradePolicy": "Auto"}))).await;
    assert_eq!(world.image(), "service:2");
    assert_eq!(rollout(&after).reason, RolloutReason::OperatorUpgraded);
}

#[tokio::test]
async fn without_its_revision_a_microservice_is_rendered_anew() {
    let mut world = world();
    let before = settled(&world, json!({})).await;
    for revision in
        world.context.reader.stores.of(Kind::ControllerRevision).owned_by("team", "hello", "our-uid")
    {
        world.context.reader.stores.of(Kind::ControllerRevision).handle(Event::Delete(revision));
    }
    world.upgrade("2");
    world.step(&before).await;
    assert_eq!(world.image(), "service:2");
}

const STALLED: &str = "ProgressDeadlineExceeded";

fn stalled(world: &World) {
    world.deployment_says(json!({
        "observedGeneration": 1, "replicas": 2, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1,
        "conditions": [{"type": "Progressing", "status": "False", "reason": STALLED, "message": "timed out"}],
    }));
}

/// peers: kubevela#2427, kubernetes/kubernetes#23211, luizalabs/teresa#463
#[tokio::test]
async fn a_rollout_that_fails_is_taken_back_until_the_spec_changes() {
    let world = world();
    let policy = json!({"onFailure": "RollBack"});
    let good = settled(&world, json!({"image": "app:1", "rollout": policy})).await;
    let (_, bad) = world.step(&changed(&good, json!({"image": "app:2", "rollout": policy}))).await;
    assert_eq!(world.image(), "app:2");
    stalled(&world);
    let (_, failed) = world.step(&bad).await;
    let (_, back) = world.step(&failed).await;
    assert_eq!(world.image(), "app:1");
    let rolled_back = rollout(&back);
    assert_eq!(rolled_back.reason, RolloutReason::RolledBack);
    assert_eq!(rolled_back.changed_fields, ["spec.image"]);

    world.deployment_is_ready();
    let (_, rests) = world.step(&back).await;
    let status = rests.status.as_ref().unwrap();
    assert_eq!(condition(status, "Progressing").1, "RolledBack");
    let (ready, reason, message) = condition(status, "Ready");
    assert_eq!((ready, reason), ("False", "RolledBack"));
    assert!(message.contains("generation 2 did not become ready and generation 1 runs again"), "{message}");
    assert_eq!(status.problems[0].field, "spec");
    assert_eq!(status.effective_image, "app:1");
    assert_eq!(status.observed_generation, 2);
    assert_eq!(world.step(&rests).await.0, [""; 0], "at rest");

    // Scaling is no other spec; the good one is scaled.
    let scaled = json!({"image": "app:2", "rollout": policy, "replicas": 3});
    let (_, scaled) = world.step(&changed(&rests, scaled)).await;
    assert_eq!(world.image(), "app:1");
    assert_eq!(world.api.get(DEPLOYMENT).unwrap()["spec"]["replicas"], 3);

    let (_, mended) = world.step(&changed(&scaled, json!({"image": "app:3", "rollout": policy}))).await;
    assert_eq!(world.image(), "app:3");
    assert_eq!(rollout(&mended).reason, RolloutReason::SpecChanged);
    let inventory = now_ready(&world, &mended).await.status.unwrap().inventory;
    assert_eq!(inventory.iter().filter(|item| item.kind == "ControllerRevision").count(), 1);
}

#[rstest]
#[case::held(json!({}))]
#[case::nothing_to_go_back_to(json!({"rollout": {"onFailure": "RollBack"}}))]
#[tokio::test]
async fn a_rollout_that_fails_is_otherwise_left_as_it_is(#[case] spec: Value) {
    let world = world();
    let mut spec = spec;
    let first = if spec.get("rollout").is_none() {
        let good = settled(&world, json!({})).await;
        spec["image"] = json!("app:2");
        changed(&good, spec)
    } else {
        spec["image"] = json!("app:2");
        microservice(spec)
    };
    let (_, bad) = world.step(&first).await;
    stalled(&world);
    let (_, failed) = world.step(&bad).await;
    let (writes, _) = world.step(&failed).await;
    assert_eq!(writes, [""; 0]);
    assert_eq!(world.image(), "app:2");
    assert_eq!(condition(failed.status.as_ref().unwrap(), "Progressing").1, STALLED);
}

#[tokio::test]
async fn a_rolled_back_service_stays_so_through_an_upgrade() {
    let mut world = world();
    let policy = json!({"onFailure": "RollBack"});
    let good = settled(&world, json!({"rollout": policy})).await;
    let (_, bad) = world.step(&changed(&good, json!({"image": "app:2", "rollout": policy}))).await;
    stalled(&world);
    let (_, failed) = world.step(&bad).await;
    let (_, back) = world.step(&failed).await;
    world.upgrade("2");
    world.step(&back).await;
    assert_eq!(world.image(), "service:1");
}

fn secret(version: &str) -> ObjectMeta {
    serde_json::from_value(
        json!({"namespace": "team", "name": "database", "uid": "s", "resourceVersion": version}),
    )
    .unwrap()
}

fn secrets_are(world: &World, secrets: &[ObjectMeta]) {
    let references = &world.context.reader.stores.references;
    references.handle(ReferenceKind::Secret, "", &Event::Init);
    for secret in secrets {
        references.handle(ReferenceKind::Secret, "", &Event::InitApply(secret.clone()));
    }
    references.handle(ReferenceKind::Secret, "", &Event::InitDone);
}

fn with_secret() -> Value {
    let source = json!({"secretKeyRef": {"name": "database", "key": "url"}});
    json!({"env": [{"name": "URL", "valueFrom": source}]})
}

/// peers: WASdev/websphere-liberty-operator#160, open-liberty-operator#488
#[tokio::test]
async fn nothing_is_made_before_what_the_spec_names_exists() {
    let world = world();
    secrets_are(&world, &[]);
    let (writes, waits) = world.step(&microservice(with_secret())).await;
    assert_eq!(writes, [format!("PATCH {STATUS}")]);
    let (accepted, reason, message) = condition(waits.status.as_ref().unwrap(), "Accepted");
    assert_eq!((accepted, reason), ("False", "ReferenceMissing"));
    assert!(
        message.contains("spec.env[0].valueFrom.secretKeyRef.name Secret database does not exist"),
        "{message}"
    );
    secrets_are(&world, &[secret("1")]);
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(2)).await;
    let (writes, _) = world.step(&waits).await;
    assert!(writes.contains(&format!("PATCH {DEPLOYMENT}")), "{writes:?}");
}

/// peers: open-liberty-operator#343, 1Password/onepassword-operator#121
#[rstest]
#[case::restart("Restart", true)]
#[case::ignore("Ignore", false)]
#[tokio::test(start_paused = true)]
async fn another_content_of_a_secret_means_new_pods(#[case] policy: &str, #[case] restarts: bool) {
    let world = world();
    secrets_are(&world, &[secret("1")]);
    let mut spec = with_secret();
    spec["referenceChange"] = json!(policy);
    let before = settled(&world, spec).await;
    secrets_are(&world, &[secret("2")]);
    assert_eq!(world.step(&before).await.0, [""; 0], "it must be quiet for a while");
    tokio::time::advance(std::time::Duration::from_secs(2)).await;
    let (writes, after) = world.step(&before).await;
    assert_eq!(writes.contains(&format!("PATCH {DEPLOYMENT}")), restarts, "{writes:?}");
    if restarts {
        let rollout = rollout(&after);
        assert_eq!(rollout.reason, RolloutReason::ReferenceChanged);
        assert_eq!(rollout.changed_fields, ["Secret/database"]);
    }
    world.deployment_is_ready();
    let (_, rests) = world.step(&after).await;
    assert_eq!(world.step(&rests).await.0, [""; 0], "at rest");
}

/// One that was written for another version of the definition.
#[tokio::test]
async fn a_microservice_that_can_t_be_read_hinders_no_other() {
    let world = world();
    let good = serde_json::to_value(microservice(json!({}))).unwrap();
    let mut bad = good.clone();
    bad["metadata"]["name"] = json!("newer");
    bad["spec"]["concurrency"] = json!({"perCore": 2});
    let list = json!({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": [bad, good]});
    let list: ObjectList<unreadable::Guarded> = serde_json::from_value(list).unwrap();
    for guarded in list.items {
        unreadable::reconcile(Arc::new(guarded), world.context.clone()).await.unwrap();
    }
    let writes = world.writes();
    assert!(writes.contains(&format!("PATCH {DEPLOYMENT}")), "{writes:?}");
    assert!(writes.iter().all(|write| write.contains("hello")), "{writes:?}");
    assert!(world.context.metrics.text().contains("microservice_operator_unreadable 1"));
    let mended: unreadable::Guarded = serde_json::from_value({
        let mut mended = good.clone();
        mended["metadata"]["name"] = json!("newer");
        mended
    })
    .unwrap();
    unreadable::reconcile(Arc::new(mended), world.context.clone()).await.unwrap();
    assert!(world.context.metrics.text().contains("microservice_operator_unreadable 0"));
}

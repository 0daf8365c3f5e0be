//! One reconcile against an API server in memory: which requests it sends, no more and no fewer,
//! and what it does when one fails.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::needless_pass_by_value)]

mod support;

use std::collections::BTreeSet;

use kube::{api::DynamicObject, runtime::watcher::Event};
use operator_core::{
    api::{Microservice, MicroserviceRef, RolloutReason},
    model::{Class, Kind},
    observed::ReferenceKind,
};
use rstest::rstest;
use serde_json::{Value, json};
use support::world::{
    CONFIGURATION, CORE, DEPLOYMENT, EVENTS, MONITOR, RESIZE, REVISION, STATUS, World, condition,
    microservice, with_status, world,
};

fn all_children() -> Vec<String> {
    [
        REVISION,
        CONFIGURATION,
        &format!("{CORE}/serviceaccounts/hello"),
        &format!("{CORE}/configmaps/hello"),
        &format!("{CORE}/services/hello"),
        &format!("{CORE}/services/hello-metrics"),
        DEPLOYMENT,
        MONITOR,
        STATUS,
    ]
    .map(|path| format!("PATCH {path}"))
    .into()
}

#[tokio::test]
async fn a_new_microservice_gets_every_child_and_a_status() {
    let world = world();
    world.reconcile(&microservice(json!({}))).await.unwrap();
    let requests = world.api.requests();
    let reads = requests.iter().filter(|r| r.starts_with("GET ")).count();
    assert_eq!(reads, 7, "each name is looked at before it is taken: {requests:?}");
    assert_eq!(support::world::writes(&requests), all_children());
    assert!(requests.contains(&format!("POST {EVENTS}")));
}

/// peers: opentelemetry-operator#1460, opentelemetry-operator#2585
#[tokio::test]
async fn at_rest_nothing_is_written() {
    let world = world();
    let first = microservice(json!({}));
    world.reconcile(&first).await.unwrap();
    let second = with_status(&world, &first);
    world.api.requests();
    world.reconcile(&second).await.unwrap();
    let requests = world.api.requests();
    assert!(requests.iter().all(|r| r.starts_with("GET ")), "{requests:?}");
}

#[rstest]
#[case::changed(json!({"name": "http", "port": 81, "protocol": "TCP", "targetPort": "http"}))]
#[case::removed(json!(null))]
#[tokio::test]
async fn only_the_child_that_drifted_is_written(#[case] port: Value) {
    let world = world();
    let first = microservice(json!({}));
    world.reconcile(&first).await.unwrap();
    let path = format!("{CORE}/services/hello");
    let mut service = world.api.get(&path).unwrap();
    service["spec"]["ports"] = if port.is_null() { json!([]) } else { json!([port]) };
    world.api.put(&path, service);
    world.api.requests();
    world.reconcile(&with_status(&world, &first)).await.unwrap();
    assert_eq!(world.writes(), [format!("PATCH {path}")]);
}

/// peers: opentelemetry-operator#4322, jaeger-operator#1232, opentelemetry-operator#1300
#[tokio::test]
async fn what_others_add_stays_their_business() {
    let world = world();
    let first = microservice(json!({}));
    world.reconcile(&first).await.unwrap();
    let mut deployment = world.api.get(DEPLOYMENT).unwrap();
    deployment["metadata"]["annotations"]["example.com/owner"] = json!("us");
    deployment["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] =
        json!("now");
    let containers = deployment["spec"]["template"]["spec"]["containers"].as_array_mut().unwrap();
    containers.push(json!({"name": "injected", "image": "mesh:1"}));
    world.api.put(DEPLOYMENT, deployment);
    world.api.requests();
    world.reconcile(&with_status(&world, &first)).await.unwrap();
    assert_eq!(world.writes(), [format!("PATCH {STATUS}")], "the restart is told, and nothing set back");
    world.reconcile(&with_status(&world, &first)).await.unwrap();
    assert!(world.writes().is_empty());
}

const POD: &str = "/spec/template/spec";

#[rstest]
#[case::env(DEPLOYMENT, "/spec/template/spec/containers/0/env", json!([{"name": "EXTRA", "value": "1"}]))]
#[case::node_selector(DEPLOYMENT, POD, json!({"nodeSelector": {"disk": "ssd"}}))]
#[case::host_network(DEPLOYMENT, POD, json!({"hostNetwork": true}))]
#[case::session_affinity("/api/v1/namespaces/team/services/hello", "/spec", json!({"sessionAffinity": "ClientIP"}))]
#[case::external_ips("/api/v1/namespaces/team/services/hello", "/spec", json!({"externalIPs": ["1.2.3.4"]}))]
#[case::configuration("/api/v1/namespaces/team/configmaps/hello", "/data", json!({"extra": "1"}))]
#[tokio::test]
async fn what_others_add_where_only_we_may_is_set_back(
    #[case] path: &str,
    #[case] pointer: &str,
    #[case] added: Value,
) {
    let world = world();
    let first = microservice(json!({}));
    world.reconcile(&first).await.unwrap();
    let before = world.api.get(path).unwrap();
    let mut object = before.clone();
    let place = object.pointer_mut(pointer).unwrap();
    match added {
        Value::Array(items) => place.as_array_mut().unwrap().extend(items),
        fields => place.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone()),
    }
    world.api.put(path, object);
    world.api.requests();
    world.reconcile(&with_status(&world, &first)).await.unwrap();
    let writes = world.writes();
    assert!(writes.contains(&format!("PATCH {path}")), "{writes:?}");
    let after = world.api.get(path).unwrap();
    assert_eq!((&after["spec"], &after["data"]), (&before["spec"], &before["data"]));
    if path == DEPLOYMENT {
        let rollout = with_status(&world, &first).status.unwrap().last_rollout.unwrap();
        assert_eq!(rollout.reason, RolloutReason::DriftRepaired, "new pods have a cause");
    }
    world.reconcile(&with_status(&world, &first)).await.unwrap();
    assert!(world.writes().is_empty(), "at rest");
}

#[tokio::test]
async fn what_an_admission_webhook_adds_again_at_once_is_left_to_it() {
    let world = world();
    let first = microservice(json!({}));
    world.reconcile(&first).await.unwrap();
    let mut deployment = world.api.get(DEPLOYMENT).unwrap();
    deployment["metadata"]["resourceVersion"] = json!("2");
    deployment["spec"]["template"]["spec"]["nodeSelector"] = json!({"pool": "web"});
    world.api.put(DEPLOYMENT, deployment);
    world.api.insist();
    world.watched(Kind::Deployment, DEPLOYMENT);
    world.api.requests();
    world.reconcile(&with_status(&world, &first)).await.unwrap();
    assert_eq!(world.writes(), [format!("PATCH {DEPLOYMENT}")], "tried once, and no news");
    world.reconcile(&with_status(&world, &first)).await.unwrap();
    assert!(world.writes().is_empty(), "then known");
}

#[tokio::test]
async fn a_field_that_is_not_sent_any_more_is_noticed() {
    let world = world();
    let first = microservice(json!({"monitoring": {"labels": {"release": "x"}}}));
    world.reconcile(&first).await.unwrap();
    world.api.requests();
    world.reconcile(&with_status(&world, &microservice(json!({})))).await.unwrap();
    let children =
        world.writes().into_iter().filter(|w| !w.contains("controllerrevisions") && !w.ends_with(STATUS));
    assert_eq!(children.collect::<Vec<_>>(), [format!("PATCH {MONITOR}")]);
    assert!(world.api.get(MONITOR).unwrap()["metadata"]["labels"].get("release").is_none());
}

#[rstest]
#[case::conflict(409, "Conflict", Class::Conflict)]
#[case::invalid(422, "Invalid", Class::User)]
#[case::forbidden(403, "Forbidden", Class::Transient)]
#[case::broken(500, "InternalError", Class::Transient)]
#[case::namespace_ends(403, "NamespaceTerminating", Class::Gone)]
#[tokio::test]
async fn one_refused_child_keeps_no_other_back(
    #[case] code: u16,
    #[case] reason: &'static str,
    #[case] class: Class,
) {
    let world = world();
    world.api.fail(&format!("PATCH {CORE}/configmaps/hello"), code, reason);
    let first = microservice(json!({}));
    let error = world.reconcile(&first).await.unwrap_err();
    assert_eq!(error.class(), class);
    assert_eq!(world.writes(), all_children(), "the rest is applied, and the status says what failed");
    let status = with_status(&world, &first).status.unwrap();
    let ready = status.conditions.iter().find(|c| c.type_ == "Ready").unwrap();
    assert_eq!((&*ready.status, &*ready.reason), ("False", "ApplyFailed"));
    assert!(ready.message.contains("applying ConfigMap failed: the fake says"), "{}", ready.message);
    assert_eq!(status.problems.len(), 1);

    world.api.mend();
    world.reconcile(&with_status(&world, &first)).await.unwrap();
    assert_eq!(world.writes(), [format!("PATCH {CORE}/configmaps/hello"), format!("PATCH {STATUS}")]);
}

#[tokio::test]
async fn a_refused_service_monitor_is_said_and_serves_on() {
    let world = world();
    world.api.fail(&format!("PATCH {MONITOR}"), 403, "Forbidden");
    let first = microservice(json!({"replicas": 0}));
    world.reconcile(&first).await.unwrap_err();
    let status = with_status(&world, &first).status.unwrap();
    let monitored = status.conditions.iter().find(|c| c.type_ == "Monitored").unwrap();
    assert_eq!((&*monitored.status, &*monitored.reason), ("False", "ApplyFailed"));
    let ready = status.conditions.iter().find(|c| c.type_ == "Ready").unwrap();
    assert_ne!(ready.reason, "ApplyFailed");
}

/// peers: stackabletech/hdfs-operator#774
#[tokio::test]
async fn nothing_is_written_where_something_can_t_be_read() {
    let world = world();
    world.api.fail(&format!("GET {DEPLOYMENT}"), 500, "InternalError");
    assert_eq!(world.reconcile(&microservice(json!({}))).await.unwrap_err().class(), Class::Transient);
    assert!(world.writes().is_empty());
}

/// peers: stackabletech/hdfs-operator#774
#[tokio::test]
async fn what_can_t_be_read_for_long_is_said() {
    let world = world();
    let first = microservice(json!({}));
    world.reconcile(&first).await.unwrap();
    let known = with_status(&world, &first);
    world.api.requests();
    world.api.fail(&format!("GET {DEPLOYMENT}"), 403, "Forbidden");
    let name = MicroserviceRef::new("team", "hello");
    for _ in 0..4 {
        world.reconcile(&known).await.unwrap_err();
        world.context.memory.back_off(&name);
        assert!(world.writes().is_empty(), "it may pass at once");
    }
    let mut changed = known.clone();
    changed.metadata.generation = Some(2);
    world.reconcile(&changed).await.unwrap_err();
    assert_eq!(world.writes(), [format!("PATCH {STATUS}")]);
    let status = with_status(&world, &first).status.unwrap();
    let (ready, reason, words) = condition(&status, "Ready");
    assert_eq!((ready, reason), ("Unknown", "ReadFailed"));
    assert!(words.contains("reading Deployment failed: the fake says Forbidden"), "{words}");
    assert_eq!(status.problems.len(), 1);
    assert_eq!(condition(&status, "Accepted").1, "Valid", "what was known before stands");
    assert_eq!(status.observed_generation, 1);
}

#[tokio::test]
async fn one_refused_delete_keeps_no_other_and_the_soonest_retry_wins() {
    let world = world();
    let on = json!({"monitoring": {"rules": {}}, "autoscaling": {"maxReplicas": 3}});
    world.reconcile(&microservice(on)).await.unwrap();
    let rules = "/apis/monitoring.coreos.com/v1/namespaces/team/prometheusrules/hello";
    for (kind, path) in [
        (Kind::PrometheusRule, rules),
        (Kind::ServiceMonitor, MONITOR),
        (Kind::HorizontalPodAutoscaler, AUTOSCALER),
    ] {
        world.watched(kind, path);
    }
    world.api.requests();
    let path = format!("{CORE}/configmaps/hello");
    world.api.fail(&format!("PATCH {path}"), 422, "Invalid");
    world.api.fail(&format!("DELETE {AUTOSCALER}"), 500, "InternalError");
    let off = microservice(json!({"concurrency": 9, "monitoring": {"enabled": false}}));
    let error = world.reconcile(&off).await.unwrap_err();
    assert_eq!(error.class(), Class::Transient, "the first failure is the user's and waits long");
    let writes = world.writes();
    for path in [rules, MONITOR, AUTOSCALER] {
        assert!(writes.contains(&format!("DELETE {path}")), "{writes:?}");
    }
    let problems = with_status(&world, &off).status.unwrap().problems;
    for words in ["applying ConfigMap failed", "deleting HorizontalPodAutoscaler failed"] {
        assert!(problems.iter().any(|problem| problem.message.contains(words)), "{problems:?}");
    }
}

/// peers: WASdev/websphere-liberty-operator#179, RCO#475, envoyproxy/gateway#9470, redpanda-operator#105
#[tokio::test]
async fn a_foreign_object_is_never_taken_over() {
    let world = world();
    let path = format!("{CORE}/services/hello");
    let foreign = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "hello", "namespace": "team",
        "annotations": {"meta.helm.sh/release-name": "shop"}}});
    world.api.put(&path, foreign.clone());
    let first = microservice(json!({}));
    world.reconcile(&first).await.unwrap();
    assert_eq!(world.writes(), [format!("PATCH {STATUS}")]);
    assert_eq!(world.api.get(&path), Some(foreign));
    let status = with_status(&world, &first).status.unwrap();
    let accepted = status.conditions.iter().find(|c| c.type_ == "Accepted").unwrap();
    assert_eq!(accepted.reason, "NameCollision");
    assert!(accepted.message.contains("Helm release shop"), "{}", accepted.message);
}

/// As `--cascade=orphan` and a restored backup leave it, or a move to another cluster.
#[rstest]
#[case::stripped(json!([]))]
#[case::of_another_cluster(json!([{"apiVersion": "microservice.dev/v1alpha1", "kind": "Microservice", "name": "hello", "uid": "old", "controller": true}]))]
#[tokio::test]
async fn children_that_lost_their_owner_are_adopted_as_they_are(#[case] owners: Value) {
    let world = world();
    let first = microservice(json!({}));
    world.reconcile(&first).await.unwrap();
    let paths = ["serviceaccounts", "configmaps", "services"].map(|kind| format!("{CORE}/{kind}/hello"));
    let paths = paths.into_iter().chain([DEPLOYMENT.to_owned(), MONITOR.to_owned()]);
    let mut before = Vec::new();
    for path in paths {
        let object = world.api.get(&path).unwrap();
        let mut orphan = object.clone();
        orphan["metadata"]["ownerReferences"] = owners.clone();
        world.api.put(&path, orphan);
        before.push((path, object));
    }
    world.api.requests();
    world.api.bodies();
    world.reconcile(&with_status(&world, &first)).await.unwrap();
    for (path, object) in before {
        let after = world.api.get(&path).unwrap();
        assert_eq!(after["metadata"]["ownerReferences"], object["metadata"]["ownerReferences"], "{path}");
        assert_eq!((&after["spec"], &after["data"]), (&object["spec"], &object["data"]), "{path}");
    }
    let events = world.api.bodies().into_iter().filter(|body| body["reason"] == "Adopted");
    assert_eq!(events.count(), 5, "each is reported");
    world.api.requests();
    world.reconcile(&with_status(&world, &first)).await.unwrap();
    assert!(world.writes().is_empty(), "at rest");
}

#[tokio::test]
async fn a_microservice_that_is_being_deleted_is_left_to_the_garbage_collector() {
    let world = world();
    let mut going = microservice(json!({}));
    going.metadata.deletion_timestamp = Some(serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap());
    world.reconcile(&going).await.unwrap();
    assert!(world.api.requests().is_empty());
}

/// peers: RCO#67, rajsinghtech/homer-operator#23, thanos-operator#113, redpanda-data/redpanda#13321
#[tokio::test]
async fn without_the_crd_there_is_no_service_monitor_and_no_question_for_one() {
    let world = world();
    world.missing.send(BTreeSet::from([Kind::ServiceMonitor])).unwrap();
    let first = microservice(json!({}));
    world.reconcile(&first).await.unwrap();
    let requests = world.api.requests();
    assert!(!requests.iter().any(|r| r.contains("servicemonitors")), "{requests:?}");
    // Installed while we run.
    world.missing.send(BTreeSet::new()).unwrap();
    world.reconcile(&with_status(&world, &first)).await.unwrap();
    assert!(world.writes().contains(&format!("PATCH {MONITOR}")));
}

#[tokio::test]
async fn alerts_and_dashboard_come_and_go_with_their_fields() {
    let world = world();
    let spec = json!({"monitoring": {"rules": {}, "dashboard": {}}});
    let first = microservice(spec);
    world.reconcile(&first).await.unwrap();
    let (rules, dashboard) = (
        "/apis/monitoring.coreos.com/v1/namespaces/team/prometheusrules/hello",
        &*format!("{CORE}/configmaps/hello-dashboard"),
    );
    let written = world.writes();
    for path in [rules, dashboard] {
        assert!(written.contains(&format!("PATCH {path}")), "{written:?}");
    }
    world.watched(Kind::PrometheusRule, rules);
    world.watched(Kind::ConfigMap, dashboard);
    world.reconcile(&with_status(&world, &first)).await.unwrap();
    assert!(world.writes().is_empty(), "at rest");
    world.reconcile(&with_status(&world, &microservice(json!({})))).await.unwrap();
    let written = world.writes();
    for path in [rules, dashboard] {
        assert!(written.contains(&format!("DELETE {path}")), "{written:?}");
    }
    assert!(!written.contains(&format!("DELETE {CORE}/configmaps/hello")), "{written:?}");
}

/// The fake refuses what the real API server does without the definition.
#[tokio::test]
async fn alerts_that_are_refused_are_told_and_hurt_nobody() {
    let world = world();
    world.api.fail(
        "PATCH /apis/monitoring.coreos.com/v1/namespaces/team/prometheusrules/hello",
        422,
        "Invalid",
    );
    let first = microservice(json!({"replicas": 0, "monitoring": {"rules": {}}}));
    world.reconcile(&first).await.unwrap_err();
    let status = with_status(&world, &first).status.unwrap();
    assert!(status.problems.iter().any(|p| p.message.contains("applying PrometheusRule failed")));
    let ready = status.conditions.iter().find(|c| c.type_ == "Ready").unwrap();
    assert_ne!(ready.reason, "ApplyFailed");
}

#[tokio::test]
async fn monitoring_switched_off_deletes_our_monitor_and_no_other() {
    let world = world();
    world.reconcile(&microservice(json!({}))).await.unwrap();
    let monitor = world.watched(Kind::ServiceMonitor, MONITOR);
    world.api.requests();
    world.api.bodies();
    let off = microservice(json!({"monitoring": {"enabled": false}}));
    world.reconcile(&with_status(&world, &off)).await.unwrap();
    assert!(world.writes().contains(&format!("DELETE {MONITOR}")));
    let precondition = json!({"uid": monitor.metadata.uid});
    assert!(world.api.bodies().iter().any(|body| body["preconditions"] == precondition));

    let mut foreign = monitor;
    foreign.metadata.owner_references = None;
    world.context.reader.stores.of(Kind::ServiceMonitor).handle(Event::Apply(foreign));
    world.reconcile(&with_status(&world, &off)).await.unwrap();
    assert!(!world.writes().iter().any(|w| w.starts_with("DELETE")));
}

const AUTOSCALER: &str = "/apis/autoscaling/v2/namespaces/team/horizontalpodautoscalers/hello";

fn autoscaled() -> Microservice {
    microservice(json!({"autoscaling": {"minReplicas": 2, "maxReplicas": 9}}))
}

/// The Deployment has as many replicas, of whoever.
fn scaled_to(world: &World, replicas: i32) {
    let mut deployment = world.api.get(DEPLOYMENT).unwrap();
    deployment["spec"]["replicas"] = json!(replicas);
    deployment["metadata"]["resourceVersion"] = json!(replicas.to_string());
    world.api.put(DEPLOYMENT, deployment);
}

/// An autoscaled Microservice at rest, with five replicas.
async fn five_by_autoscaler(world: &World) {
    world.reconcile(&autoscaled()).await.unwrap();
    world.reconcile(&autoscaled()).await.unwrap();
    scaled_to(world, 5);
    world.api.requests();
    world.api.bodies();
}

/// peers: opentelemetry-operator#884, nginx-gateway-fabric#4214, apache/superset-kubernetes-operator#151
#[tokio::test]
async fn replicas_are_handed_to_the_autoscaler_before_they_are_dropped() {
    let world = world();
    world.reconcile(&microservice(json!({"replicas": 3}))).await.unwrap();
    scaled_to(&world, 3);
    world.api.requests();
    world.api.bodies();
    world.reconcile(&autoscaled()).await.unwrap();
    assert_eq!(world.writes()[..2], [format!("PATCH {DEPLOYMENT}"), format!("PATCH {DEPLOYMENT}")]);
    let specs: Vec<_> = world.api.bodies().into_iter().filter(|b| b["kind"] == "Deployment").collect();
    assert_eq!(specs[0]["spec"], json!({"replicas": 3}), "first another manager owns them");
    assert_eq!(specs[0]["metadata"]["resourceVersion"], "3", "and only as they were read");
    assert!(specs[1]["spec"].get("replicas").is_none(), "then they are sent no more");
}

/// peers: opentelemetry-operator#729, #2018
#[tokio::test]
async fn what_the_autoscaler_decides_is_no_drift() {
    let world = world();
    five_by_autoscaler(&world).await;
    world.reconcile(&autoscaled()).await.unwrap();
    assert!(world.writes().iter().all(|write| !write.contains("deployments")));
}

#[tokio::test]
async fn replicas_that_could_not_be_handed_over_are_not_dropped() {
    let world = world();
    world.reconcile(&microservice(json!({"replicas": 3}))).await.unwrap();
    world.writes();
    world.api.fail(&format!("PATCH {DEPLOYMENT}"), 409, "Conflict");
    let error = world.reconcile(&autoscaled()).await.unwrap_err();
    assert_eq!(error.class(), Class::Conflict);
    assert_eq!(world.writes().iter().filter(|write| write.contains("deployments")).count(), 1);
}

#[tokio::test]
async fn without_the_autoscaler_its_replicas_are_held() {
    let world = world();
    five_by_autoscaler(&world).await;
    world.watched(Kind::HorizontalPodAutoscaler, AUTOSCALER);
    let off = microservice(json!({}));
    world.reconcile(&off).await.unwrap();
    let writes = world.writes();
    assert!(writes.contains(&format!("DELETE {AUTOSCALER}")));
    assert!(!writes.contains(&format!("PATCH {DEPLOYMENT}")), "as long as it may still scale");

    let gone: DynamicObject =
        serde_json::from_value(json!({"metadata": {"namespace": "team", "name": "hello"}})).unwrap();
    world.context.reader.stores.of(Kind::HorizontalPodAutoscaler).handle(Event::Delete(gone));
    world.api.bodies();
    world.reconcile(&off).await.unwrap();
    let bodies = world.api.bodies();
    let deployment = bodies.iter().find(|body| body["kind"] == "Deployment").unwrap();
    assert_eq!(deployment["spec"]["replicas"], 5);
    assert_eq!(deployment["metadata"]["resourceVersion"], "5");
    let problems = with_status(&world, &off).status.unwrap().problems;
    assert_eq!(problems[0].field, "spec.replicas");
    world.writes();
    world.reconcile(&with_status(&world, &off)).await.unwrap();
    assert!(world.writes().is_empty(), "and that's that");
    let changed = microservice(json!({"replicas": 2}));
    world.reconcile(&with_status(&world, &changed)).await.unwrap();
    assert_eq!(world.api.get(DEPLOYMENT).unwrap()["spec"]["replicas"], 2, "the user's word counts again");
}

/// As `kubectl autoscale deployment` makes it, and what it then does.
fn autoscaler_of_others(world: &World, owners: Value) {
    let autoscaler = json!({
        "metadata": {"name": "theirs", "namespace": "team", "ownerReferences": owners},
        "spec": {"maxReplicas": 9, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "hello"}},
    });
    world.api.put(AUTOSCALERS, json!({"metadata": {}, "items": [autoscaler]}));
}

const AUTOSCALERS: &str = "/apis/autoscaling/v2/namespaces/team/horizontalpodautoscalers";

#[tokio::test]
async fn an_autoscaler_that_is_not_ours_is_named_and_not_fought() {
    let world = world();
    let first = microservice(json!({}));
    world.reconcile(&first).await.unwrap();
    scaled_to(&world, 3);
    let keda = json!([{"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "queue", "uid": "k", "controller": true}]);
    autoscaler_of_others(&world, keda);
    world.reconcile(&with_status(&world, &first)).await.unwrap();
    let replicas = || world.api.get(DEPLOYMENT).unwrap()["spec"].get("replicas").cloned();
    assert_eq!(replicas(), None, "no longer sent");
    let problems = with_status(&world, &first).status.unwrap().problems;
    assert!(
        problems.iter().any(|p| p.field == "spec.replicas"
            && p.message.contains("HorizontalPodAutoscaler theirs of ScaledObject queue")),
        "{problems:?}"
    );
    for number in [5, 2] {
        scaled_to(&world, number);
        world.api.requests();
        world.reconcile(&with_status(&world, &first)).await.unwrap();
        let writes = world.writes();
        assert!(writes.iter().all(|write| write.ends_with("/status")), "{number} is its own: {writes:?}");
    }
    world.api.put(AUTOSCALERS, json!({"metadata": {}, "items": []}));
    world.reconcile(&with_status(&world, &first)).await.unwrap();
    assert_eq!(replicas(), Some(json!(2)), "what it left is kept");
}

#[rstest]
#[case::stopped_without_its_secret(json!({"stopped": true, "envFrom": [{"secretRef": {"name": "gone"}}]}), 0, "ReferenceMissing")]
#[case::stopped_with_a_bad_snippet(json!({"stopped": true, "proxy": {"extraConfig": {"http": "map {"}}}), 0, "InvalidSpec")]
#[case::fewer_with_a_contradiction(json!({"replicas": 1, "config": {"profile": "x"}}), 1, "InvalidSpec")]
#[case::more_has_to_wait(json!({"replicas": 9, "config": {"profile": "x"}}), 3, "InvalidSpec")]
#[tokio::test]
async fn capacity_can_be_taken_away_whatever_else_is_wrong(
    #[case] spec: Value,
    #[case] expected: i32,
    #[case] reason: &str,
) {
    let world = world();
    world.reconcile(&microservice(json!({"replicas": 3}))).await.unwrap();
    scaled_to(&world, 3);
    let references = &world.context.reader.stores.references;
    for event in [Event::Init, Event::InitDone] {
        references.handle(ReferenceKind::Secret, "", &event);
    }
    world.api.requests();
    let wrong = microservice(spec);
    world.reconcile(&with_status(&world, &wrong)).await.unwrap();
    let sent: Vec<_> = world.api.bodies().into_iter().filter(|body| body["kind"] == "Deployment").collect();
    let status = with_status(&world, &wrong).status.unwrap();
    assert_eq!(condition(&status, "Accepted").1, reason);
    let down = sent.last().map(|body| body["spec"].clone());
    assert_eq!(
        down.filter(|spec| spec["template"].is_null()),
        (expected < 3).then(|| json!({"replicas": expected}))
    );
}

#[tokio::test]
async fn capacity_can_be_taken_away_in_spite_of_a_foreign_name() {
    let world = world();
    world.reconcile(&microservice(json!({"replicas": 3}))).await.unwrap();
    scaled_to(&world, 3);
    let path = format!("{CORE}/services/hello");
    world.api.put(&path, json!({"metadata": {"name": "hello", "namespace": "team"}}));
    world.api.bodies();
    world.reconcile(&microservice(json!({"replicas": 3, "stopped": true}))).await.unwrap();
    let sent: Vec<_> = world.api.bodies().into_iter().filter(|body| body["kind"] == "Deployment").collect();
    assert_eq!(sent[0]["spec"], json!({"replicas": 0}));
}

#[tokio::test]
async fn what_is_suspended_says_so_whatever_else_is_wrong() {
    let world = world();
    world.reconcile(&microservice(json!({"replicas": 3}))).await.unwrap();
    scaled_to(&world, 3);
    world.api.requests();
    let wrong = microservice(json!({"suspend": true, "stopped": true, "config": {"profile": "x"}}));
    world.reconcile(&with_status(&world, &wrong)).await.unwrap();
    assert_eq!(world.writes(), [format!("PATCH {STATUS}")]);
    let status = with_status(&world, &wrong).status.unwrap();
    assert_eq!(condition(&status, "Ready").1, "Suspended");
    assert_eq!(condition(&status, "Accepted").1, "InvalidSpec");
}

/// peers: infinispan-operator#2578
#[tokio::test]
async fn a_suspended_microservice_gets_a_status_and_nothing_else() {
    let world = world();
    world.reconcile(&microservice(json!({}))).await.unwrap();
    let path = format!("{CORE}/services/hello");
    let mut service = world.api.get(&path).unwrap();
    service["spec"]["ports"] = json!([]);
    world.api.put(&path, service);
    world.writes();
    let suspended = microservice(json!({"suspend": true, "replicas": 7, "monitoring": {"enabled": false}}));
    world.reconcile(&with_status(&world, &suspended)).await.unwrap();
    assert_eq!(world.writes(), [format!("PATCH {STATUS}")]);
    let status = with_status(&world, &suspended).status.unwrap();
    let ready = status.conditions.iter().find(|c| c.type_ == "Ready").unwrap();
    assert_eq!((&*ready.status, &*ready.reason), ("Unknown", "Suspended"));
    world.reconcile(&with_status(&world, &microservice(json!({})))).await.unwrap();
    assert!(world.writes().contains(&format!("PATCH {path}")), "then the drift is repaired");
}

#[tokio::test]
async fn an_account_of_the_users_own_replaces_ours_once_no_pod_needs_it_any_more() {
    let world = world();
    world.reconcile(&microservice(json!({}))).await.unwrap();
    let ours = format!("{CORE}/serviceaccounts/hello");
    world.watched(Kind::ServiceAccount, &ours);
    world.api.requests();
    let theirs = microservice(json!({"serviceAccount": {"name": "shop"}}));
    let (writes, during) = world.step(&with_status(&world, &theirs)).await;
    assert!(!writes.contains(&format!("DELETE {ours}")), "an old pod may start once more: {writes:?}");
    assert!(during.status.as_ref().unwrap().inventory.iter().any(|item| item.kind == "ServiceAccount"));
    world.deployment_is_ready();
    world.reconcile(&during).await.unwrap();
    let requests = world.api.requests();
    assert!(requests.contains(&format!("DELETE {ours}")), "{requests:?}");
    assert!(!requests.iter().any(|r| r.contains("serviceaccounts/shop")), "{requests:?}");
    let deployment = world.api.get(DEPLOYMENT).unwrap();
    assert_eq!(deployment["spec"]["template"]["spec"]["serviceAccountName"], "shop");
}

#[tokio::test]
async fn drift_is_also_seen_of_a_child_that_was_settled() {
    let world = world();
    let first = microservice(json!({}));
    world.reconcile(&first).await.unwrap();
    let path = format!("{CORE}/services/hello");
    world.watched(Kind::Service, &path);
    for _ in 0..2 {
        world.api.requests();
        world.reconcile(&with_status(&world, &first)).await.unwrap();
        assert!(world.writes().is_empty());
    }
    let mut service = world.api.get(&path).unwrap();
    service["metadata"]["resourceVersion"] = json!("2");
    service["spec"]["selector"] = json!({});
    world.api.put(&path, service);
    world.watched(Kind::Service, &path);
    world.reconcile(&with_status(&world, &first)).await.unwrap();
    assert_eq!(world.writes(), [format!("PATCH {path}")]);
}

#[tokio::test]
async fn a_store_that_knows_the_child_saves_the_read() {
    let world = world();
    let first = microservice(json!({}));
    world.reconcile(&first).await.unwrap();
    world.watched(Kind::Service, &format!("{CORE}/services/hello"));
    world.api.requests();
    world.reconcile(&with_status(&world, &first)).await.unwrap();
    assert!(!world.api.requests().iter().any(|r| r.ends_with("services/hello")));
}

fn of_workers(workers: i32) -> Microservice {
    microservice(json!({
        "concurrency": workers,
        "resourcesPerWorker": {"requests": {"memory": "16Mi"}},
    }))
}

/// A Microservice of four workers with a pod, on a cluster that has these of a pod's subresources.
async fn four_workers(subresources: &[&str]) -> World {
    let world = world();
    let resource = |name: &&str| json!({"name": name, "singularName": "", "namespaced": true, "kind": "Pod", "verbs": ["patch"]});
    let resources: Vec<_> = subresources.iter().map(resource).collect();
    world
        .api
        .put("/api/v1", json!({"kind": "APIResourceList", "groupVersion": "v1", "resources": resources}));
    world.reconcile(&of_workers(4)).await.unwrap();
    let pod = json!({
        "metadata": {"name": "hello-1", "namespace": "team", "uid": "pod-uid", "annotations": {"microservice.dev/microservice": "hello"}},
        "spec": {"containers": [{"name": "service", "resources": {"requests": {"cpu": "50m", "memory": "96Mi"}}}]},
    });
    world.watched_pod(pod);
    world.api.requests();
    world.api.bodies();
    world
}

#[tokio::test]
async fn resources_follow_the_workers_in_running_pods() {
    let world = four_workers(&["pods", "pods/resize"]).await;
    world.reconcile(&of_workers(4)).await.unwrap();
    assert!(!world.writes().iter().any(|request| request.contains("/pods/")), "nothing to do");
    world.api.bodies();
    world.reconcile(&of_workers(8)).await.unwrap();
    let writes = world.writes();
    assert!(
        writes.contains(&format!("PATCH {RESIZE}")) && !writes.contains(&format!("PATCH {DEPLOYMENT}")),
        "{writes:?}"
    );
    let resize = world.api.bodies().into_iter().find(|body| body["metadata"]["uid"] == "pod-uid").unwrap();
    assert_eq!(
        resize["spec"]["containers"][0]["resources"]["requests"],
        json!({"cpu": "50m", "memory": "160Mi"})
    );
}

/// A pod that is in ContainerCreating since then, and what its kubelet has said of it.
fn creating(world: &World, since: &str) {
    let pod = json!({
        "metadata": {"name": "hello-1", "namespace": "team", "uid": "pod-uid", "creationTimestamp": since,
            "annotations": {"microservice.dev/microservice": "hello"}},
        "status": {"phase": "Pending", "containerStatuses": [{"name": "service", "image": "i", "imageID": "",
            "ready": false, "restartCount": 0, "state": {"waiting": {"reason": "ContainerCreating"}}}]},
    });
    world.watched_pod(pod);
    let event = |at: &str, note: &str| json!({"metadata": {"namespace": "team"}, "eventTime": null, "deprecatedLastTimestamp": at, "reason": "FailedMount", "note": note});
    let list = json!([
        event("2026-01-01T00:00:02Z", "secret \"gone\" not found"),
        event("2026-01-01T00:00:01Z", "older")
    ]);
    world.api.put(EVENTS, json!({"metadata": {}, "items": list}));
}

#[tokio::test]
async fn what_a_pod_in_container_creating_waits_for_is_named() {
    let world = world();
    let first = microservice(json!({}));
    world.reconcile(&first).await.unwrap();
    creating(&world, "2026-01-01T00:00:00Z");
    world.reconcile(&with_status(&world, &first)).await.unwrap();
    let status = with_status(&world, &first).status.unwrap();
    for type_ in ["Available", "Ready"] {
        let (status, reason, words) = condition(&status, type_);
        assert_eq!((status, reason), ("False", "ContainerConfigError"));
        assert!(words.ends_with("pod hello-1: FailedMount: secret \"gone\" not found"), "{words}");
    }
    world.api.requests();
    world.reconcile(&with_status(&world, &first)).await.unwrap();
    let requests = world.api.requests();
    assert!(!requests.contains(&format!("GET {EVENTS}")), "not again so soon: {requests:?}");
}

#[tokio::test]
async fn nobody_asks_about_a_pod_that_has_just_come() {
    let world = world();
    let first = microservice(json!({}));
    world.reconcile(&first).await.unwrap();
    creating(&world, &jiff::Timestamp::now().to_string());
    world.api.requests();
    world.reconcile(&with_status(&world, &first)).await.unwrap();
    assert!(!world.api.requests().contains(&format!("GET {EVENTS}")));
}

#[tokio::test]
async fn events_that_can_t_be_read_hurt_nobody() {
    let world = world();
    let first = microservice(json!({}));
    world.reconcile(&first).await.unwrap();
    creating(&world, "2026-01-01T00:00:00Z");
    world.api.fail(&format!("GET {EVENTS}"), 403, "Forbidden");
    world.reconcile(&with_status(&world, &first)).await.unwrap();
    let status = with_status(&world, &first).status.unwrap();
    assert_eq!(condition(&status, "Available").1, "MinimumReplicasUnavailable");
}

#[tokio::test]
async fn a_pod_that_has_ended_is_neither_resized_nor_waited_for() {
    let world = four_workers(&["pods", "pods/resize"]).await;
    let evicted = json!({
        "metadata": {"name": "hello-0", "namespace": "team", "uid": "evicted", "annotations": {"microservice.dev/microservice": "hello"}},
        "spec": {"containers": [{"name": "service"}]},
        "status": {"phase": "Failed", "reason": "Evicted", "containerStatuses": [{"name": "service", "image": "i", "imageID": "",
            "ready": false, "restartCount": 0, "state": {"terminated": {"exitCode": 137}}}]},
    });
    world.watched_pod(evicted);
    world.deployment_is_ready();
    world.reconcile(&of_workers(4)).await.unwrap();
    let writes = world.writes();
    assert!(!writes.iter().any(|request| request.contains("hello-0")), "{writes:?}");
    let status = with_status(&world, &of_workers(4)).status.unwrap();
    assert_eq!(condition(&status, "Ready").1, "AllReplicasReady", "{:?}", status.conditions);
}

#[rstest]
#[case::the_cluster_can_t(&["pods"], 0)]
#[case::refused(&["pods", "pods/resize"], 1)]
#[tokio::test]
async fn new_pods_bring_the_resources_where_the_running_can_t_have_them(
    #[case] subresources: &[&str],
    #[case] asked: usize,
) {
    let world = four_workers(subresources).await;
    world.api.fail(&format!("PATCH {RESIZE}"), 422, "Invalid");
    for _ in 0..3 {
        world.reconcile(&of_workers(8)).await.unwrap();
    }
    let writes = world.writes();
    let count = |path: &str| writes.iter().filter(|request| **request == format!("PATCH {path}")).count();
    assert_eq!((count(RESIZE), count(DEPLOYMENT)), (asked, 1), "{writes:?}");
    let template = &world.api.get(DEPLOYMENT).unwrap()["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(template["resources"]["requests"]["memory"], "160Mi");
}

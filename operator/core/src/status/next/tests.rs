use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use kube::core::DynamicObject;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::{
    model::Kind,
    observed::{Answer, Entry, Live},
};

/// A Deployment at rest with two replicas, after `change`.
fn deployment(change: &Value) -> DynamicObject {
    let mut deployment = json!({
        "metadata": {"generation": 3},
        "spec": {"replicas": 2, "selector": {}, "template": {}},
        "status": {"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2},
    });
    for (key, value) in change.as_object().unwrap() {
        deployment["status"][key] = value.clone();
    }
    serde_json::from_value(deployment).unwrap()
}

fn observed(pods: &Value) -> Observed {
    let pods: Vec<Arc<Pod>> =
        serde_json::from_value::<Vec<Pod>>(pods.clone()).unwrap().into_iter().map(Arc::new).collect();
    Observed { pods, ..Observed::default() }
}

fn applied(deployment: DynamicObject) -> Applied {
    let monitor = DynamicObject::new("m", &Kind::ServiceMonitor.resource());
    let objects = [(Child::Deployment, deployment), (Child::ServiceMonitor, monitor)];
    Applied { objects: objects.map(|(child, object)| (child, Arc::new(object))).into(), ..Applied::default() }
}

fn status(applied: &Applied, observed: &Observed) -> MicroserviceStatus {
    let resolved = ResolvedMicroservice::example();
    let reconciled = Reconciled::Applied(&resolved, applied);
    next(&MicroserviceStatus::default(), 7, &reconciled, observed, Timestamp::UNIX_EPOCH)
}

/// `status/reason` of a condition.
fn verdict(status: &MicroserviceStatus, type_: &str) -> String {
    let condition = status.conditions.iter().find(|c| c.type_ == type_).unwrap();
    format!("{}/{}", condition.status, condition.reason)
}

/// peers: opentelemetry-operator#4312, kubernetes/kubectl#962, koku-service-operator#176, kubevela#7045
#[rstest]
#[case::at_rest(json!({}), "True/AllReplicasReady", "False/RolloutComplete", "True/MinimumReplicasAvailable")]
#[case::not_seen(json!({"observedGeneration": 2}), "False/RollingOut", "True/RollingOut", "False/MinimumReplicasUnavailable")]
#[case::new_pods_start(json!({"replicas": 3, "updatedReplicas": 1}), "False/RollingOut", "True/RollingOut", "True/MinimumReplicasAvailable")]
#[case::old_pod_is_left(json!({"replicas": 3}), "False/RollingOut", "True/RollingOut", "True/MinimumReplicasAvailable")]
#[case::one_not_ready(json!({"readyReplicas": 1, "availableReplicas": 1}), "False/MinimumReplicasUnavailable", "False/RolloutComplete", "False/MinimumReplicasUnavailable")]
#[case::given_up(json!({"updatedReplicas": 1, "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "m"}]}), "False/RollingOut", "False/ProgressDeadlineExceeded", "True/MinimumReplicasAvailable")]
#[case::quota(json!({"replicas": 0, "updatedReplicas": 0, "readyReplicas": 0, "availableReplicas": 0, "conditions": [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}]}), "False/PodsRefused", "True/RollingOut", "False/PodsRefused")]
fn readiness_follows_the_rollout(
    #[case] change: Value,
    #[case] ready: &str,
    #[case] progressing: &str,
    #[case] available: &str,
) {
    let status = status(&applied(deployment(&change)), &observed(&json!([])));
    assert_eq!(verdict(&status, "Ready"), ready);
    assert_eq!(verdict(&status, "Progressing"), progressing);
    assert_eq!(verdict(&status, "Available"), available);
    assert!(status.conditions.iter().all(|c| c.observed_generation == Some(7)));
}

#[test]
fn a_pod_that_can_t_start_speaks_in_the_condition() {
    let pods = json!([{"metadata": {"name": "p"}, "status": {"containerStatuses": [{
        "name": "service", "image": "i:1", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}}}]}}]);
    let status =
        status(&applied(deployment(&json!({"replicas": 3, "updatedReplicas": 1}))), &observed(&pods));
    assert_eq!(verdict(&status, "Ready"), "False/ImagePullFailed");
    let ready = status.conditions.iter().find(|c| c.type_ == "Ready").unwrap();
    assert!(ready.message.contains("can't pull i:1: not found"), "{}", ready.message);
}

#[test]
fn a_replica_that_lags_is_not_ready_and_counts_what_it_runs() {
    let mut observed =
        observed(&json!([{"metadata": {"name": "p", "uid": "u"}}, {"metadata": {"name": "q", "uid": "v"}}]));
    let runs = |workers| Answer::Runs(Workers { workers, requests_per_worker: 1 });
    observed.workers = [("u".into(), runs(2)), ("v".into(), runs(4))].into();
    let lagging = status(&applied(deployment(&json!({}))), &observed);
    assert_eq!(verdict(&lagging, "Ready"), "False/ConcurrencyLagging");
    assert_eq!(lagging.capacity, Capacity { workers_per_replica: 2, replicas: 2, total: 4, queue: 40 });
    observed.workers = [("u".into(), runs(4)), ("v".into(), runs(4))].into();
    assert_eq!(
        verdict(&status(&applied(deployment(&json!({}))), &observed), "Ready"),
        "True/AllReplicasReady"
    );
}

#[test]
fn a_number_that_nobody_confirmed_is_no_capacity() {
    let mut observed =
        observed(&json!([{"metadata": {"name": "p", "uid": "u"}}, {"metadata": {"name": "q", "uid": "v"}}]));
    let runs = Answer::Runs(Workers { workers: 4, requests_per_worker: 1 });
    observed.workers = [("u".into(), runs), ("v".into(), Answer::Unsupported)].into();
    let status = status(&applied(deployment(&json!({}))), &observed);
    assert_eq!(verdict(&status, "Ready"), "False/ConcurrencyLagging");
    assert_eq!(status.capacity, Capacity { workers_per_replica: 4, replicas: 2, total: 4, queue: 40 });
}

#[test]
fn a_missing_service_monitor_is_said_and_hurts_nobody() {
    let observed = Observed { missing: [Kind::ServiceMonitor].into(), ..observed(&json!([])) };
    let mut applied = applied(deployment(&json!({})));
    applied.objects.remove(&Child::ServiceMonitor);
    let status = status(&applied, &observed);
    assert_eq!(verdict(&status, "Monitored"), "False/ServiceMonitorCRDMissing");
    assert_eq!(verdict(&status, "Ready"), "True/AllReplicasReady");
}

#[test]
fn a_rejected_spec_leaves_what_runs_in_sight() {
    let live = Live::Ours(Entry { object: Arc::new(deployment(&json!({}))), settled: None });
    let observed = Observed { children: [(Child::Deployment, live)].into(), ..observed(&json!([])) };
    let problem = Problem {
        field: "spec.config.profile".into(),
        severity: Severity::Error,
        message: "is wrong".into(),
    };
    let rejection = Rejection { reason: Reason::InvalidSpec, problems: vec![problem] };
    let old = MicroserviceStatus { url: "http://x".into(), ..MicroserviceStatus::default() };
    let status = next(
        &old,
        7,
        &Reconciled::Rejected(&rejection, &ResolvedMicroservice::example().spec),
        &observed,
        Timestamp::UNIX_EPOCH,
    );
    assert_eq!(verdict(&status, "Accepted"), "False/InvalidSpec");
    assert_eq!(verdict(&status, "Ready"), "False/InvalidSpec");
    assert_eq!(verdict(&status, "Available"), "True/MinimumReplicasAvailable");
    assert_eq!((status.ready_replicas, &*status.url), (2, "http://x"));
}

/// peers: mcp-lifecycle-operator#45, mcp-lifecycle-operator#38, stacklok/toolhive#4477; and restate-operator
/// PR#102: the cluster's domain may be any
#[test]
fn the_url_is_published_with_the_first_answer_and_then_stays() {
    let (applied, mut observed) = (applied(deployment(&json!({}))), observed(&json!([])));
    let resolved = ResolvedMicroservice::example();
    let mut now = MicroserviceStatus::default();
    let mut look = |verification| {
        observed.verification = verification;
        now = next(&now, 7, &Reconciled::Applied(&resolved, &applied), &observed, Timestamp::UNIX_EPOCH);
        (verdict(&now, "Verified"), verdict(&now, "Ready"), now.url.clone())
    };
    let failed = || Verification::Failed { words: "no".into(), again: std::time::Instant::now() };
    let ready = "True/AllReplicasReady".to_owned();
    assert_eq!(look(Verification::Untried), ("Unknown/Pending".into(), ready.clone(), String::new()));
    assert_eq!(look(failed()), ("False/RequestFailed".into(), ready.clone(), String::new()));
    let url = "http://example.default.svc".to_owned();
    assert_eq!(look(Verification::Answered), ("True/RequestAnswered".into(), ready.clone(), url.clone()));
    assert_eq!(look(failed()), ("False/RequestFailed".into(), ready, url));
}

#[test]
fn the_same_input_gives_the_same_status() {
    let (applied, observed) = (applied(deployment(&json!({}))), observed(&json!([])));
    let first = status(&applied, &observed);
    let resolved = ResolvedMicroservice::example();
    let later = Timestamp::from_second(1000).unwrap();
    assert_eq!(next(&first, 7, &Reconciled::Applied(&resolved, &applied), &observed, later), first);
}

#[test]
fn what_the_users_patch_changes_of_ours_is_a_warning() {
    let mut resolved = ResolvedMicroservice::example();
    resolved.spec.pod_template =
        json!({"spec": {"terminationGracePeriodSeconds": 1, "dnsPolicy": "Default"}})
            .as_object()
            .unwrap()
            .clone();
    let applied = applied(deployment(&json!({})));
    let reconciled = Reconciled::Applied(&resolved, &applied);
    let status =
        next(&MicroserviceStatus::default(), 7, &reconciled, &Observed::default(), Timestamp::UNIX_EPOCH);
    let problems: Vec<_> = status.problems.iter().map(|p| (p.field.as_str(), p.severity)).collect();
    assert_eq!(problems, [("spec.podTemplate.spec.terminationGracePeriodSeconds", Severity::Warning)]);
    assert_eq!(verdict(&status, "Ready"), "True/AllReplicasReady");
}

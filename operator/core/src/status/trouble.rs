//! Why a pod does not run, in its own words.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod};
use kube::ResourceExt;

use crate::{
    api::Reason,
    observed::{Complaint, Observed, Stuck, is_ready},
};

/// Longest part of a container's last words that is shown.
const WORDS: usize = 400;

/// The first pod's trouble. Pods that are ready have none.
pub fn trouble(pods: &[Arc<Pod>]) -> Option<(Reason, String)> {
    pods.iter().filter(|pod| !is_ready(pod)).find_map(|pod| {
        let (reason, words) = of_pod(pod)?;
        Some((reason, format!("pod {}: {words}", pod.name_any())))
    })
}

/// Complaints of the kubelet that keep a container from being made at all.
const NOT_MADE: [&str; 4] =
    ["FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "FailedMapVolume"];

/// What nginx answers a probe where the service does not, and what that mostly is.
const BAD_GATEWAY: &str = "statuscode: 502";
const NOTHING_LISTENS: &str =
    "; nginx finds nothing that answers: is spec.port the port that the image listens on?";

/// What a pod waits for that says nothing itself: the kubelet's words, or the container that the others
/// wait for.
pub(super) fn stuck(observed: &Observed) -> Option<(Option<Reason>, String)> {
    let Stuck { pod, complaint } = observed.waiting.stuck.as_ref()?;
    if let Some(Complaint { reason, words }) = complaint {
        let not_made = NOT_MADE.contains(&&**reason).then_some(Reason::ContainerConfigError);
        let words: String = words.chars().take(WORDS).collect();
        let hint = if words.contains(BAD_GATEWAY) { NOTHING_LISTENS } else { "" };
        return Some((not_made, format!("pod {pod}: {reason}: {}{hint}", words.trim())));
    }
    let status = observed.pods.iter().find(|one| one.name_any() == *pod)?.status.as_ref()?;
    let first = status.init_container_statuses.iter().flatten().find(|container| {
        let runs = container.state.as_ref().is_some_and(|state| state.running.is_some());
        runs && container.started != Some(true)
    })?;
    Some((None, format!("pod {pod}: the others wait for container {}", first.name)))
}

fn of_pod(pod: &Pod) -> Option<(Reason, String)> {
    let status = pod.status.as_ref()?;
    let unschedulable = status.conditions.iter().flatten().find(|c| {
        c.type_ == "PodScheduled" && c.status == "False" && c.reason.as_deref() == Some("Unschedulable")
    });
    if let Some(condition) = unschedulable {
        return Some((Reason::Unschedulable, condition.message.clone().unwrap_or_default()));
    }
    let init = status.init_container_statuses.iter().flatten();
    init.chain(status.container_statuses.iter().flatten()).find_map(of_container)
}

fn of_container(container: &ContainerStatus) -> Option<(Reason, String)> {
    let name = &container.name;
    let state = container.state.as_ref();
    if let Some(waiting) = state.and_then(|s| s.waiting.as_ref()) {
        let message = waiting.message.as_deref().unwrap_or_default();
        match waiting.reason.as_deref().unwrap_or_default() {
            // The kubelet says "Back-off ..." and the error in turns; the error alone is steady.
            "ErrImagePull" | "ImagePullBackOff" => {
                let error = message.rsplit("ErrImagePull: ").next().unwrap_or(message);
                return Some((
                    Reason::ImagePullFailed,
                    format!("container {name} can't pull {}: {error}", container.image),
                ));
            }
            reason @ ("InvalidImageName" | "ErrImageNeverPull" | "ErrImageInspectError") => {
                return Some((Reason::ImagePullFailed, format!("container {name}: {reason}: {message}")));
            }
            reason @ ("CreateContainerConfigError" | "CreateContainerError" | "RunContainerError") => {
                return Some((
                    Reason::ContainerConfigError,
                    format!("container {name}: {reason}: {message}"),
                ));
            }
            _ => {}
        }
    }
    // Also while it runs once more: a container that has failed and is not ready is no news twice.
    let ended = [state, container.last_state.as_ref()]
        .into_iter()
        .flatten()
        .find_map(|s| s.terminated.as_ref())
        .filter(|_| !container.ready)?;
    Some(last_words(name, ended))
}

fn last_words(name: &str, ended: &ContainerStateTerminated) -> (Reason, String) {
    if ended.reason.as_deref() == Some("OOMKilled") {
        let remedy = "raise its memory limit";
        return (
            Reason::OutOfMemory,
            format!("container {name} was killed for want of memory (OOMKilled): {remedy}"),
        );
    }
    let words = ended.message.as_deref().unwrap_or_default().trim();
    let tail: String = {
        let skip = words.chars().count().saturating_sub(WORDS);
        words.chars().skip(skip).collect()
    };
    let code = ended.exit_code;
    let said = if tail.is_empty() { String::new() } else { format!(": {tail}") };
    (Reason::CrashLooping, format!("container {name} ended with exit code {code}{said}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::{Value, json};

    fn pod(status: &Value) -> Vec<Arc<Pod>> {
        vec![Arc::new(serde_json::from_value(json!({"metadata": {"name": "p"}, "status": status})).unwrap())]
    }

    fn container(mut fields: Value) -> Value {
        for (key, value) in [
            ("name", json!("service")),
            ("image", json!("i:1")),
            ("imageID", json!("")),
            ("ready", json!(false)),
            ("restartCount", json!(0)),
        ] {
            fields.as_object_mut().unwrap().entry(key).or_insert(value);
        }
        json!({"containerStatuses": [fields]})
    }

    #[rstest]
    #[case::pull(container(json!({"state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}}})), Reason::ImagePullFailed, "pod p: container service can't pull i:1: not found")]
    #[case::pull_back_off(container(json!({"state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image \"i:1\": ErrImagePull: not found"}}})), Reason::ImagePullFailed, "pod p: container service can't pull i:1: not found")]
    #[case::secret(container(json!({"state": {"waiting": {"reason": "CreateContainerConfigError", "message": "secret \"s\" not found"}}})), Reason::ContainerConfigError, "pod p: container service: CreateContainerConfigError: secret \"s\" not found")]
    #[case::crash(container(json!({"state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}, "lastState": {"terminated": {"exitCode": 64, "message": "bad config\n"}}})), Reason::CrashLooping, "pod p: container service ended with exit code 64: bad config")]
    #[case::running_again(container(json!({"state": {"running": {}}, "lastState": {"terminated": {"exitCode": 64, "message": "bad config\n"}}})), Reason::CrashLooping, "pod p: container service ended with exit code 64: bad config")]
    #[case::oom(container(json!({"lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}})), Reason::OutOfMemory, "pod p: container service was killed for want of memory (OOMKilled): raise its memory limit")]
    #[case::unschedulable(json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes are available"}]}), Reason::Unschedulable, "pod p: 0/1 nodes are available")]
    fn a_pod_speaks_for_itself(#[case] status: Value, #[case] reason: Reason, #[case] words: &str) {
        assert_eq!(trouble(&pod(&status)), Some((reason, words.to_owned())));
    }

    /// A pod that says nothing, and what its kubelet says.
    fn silent(complaint: Option<(&str, &str)>, init: &Value) -> Option<(Option<Reason>, String)> {
        let complaint =
            complaint.map(|(reason, words)| Complaint { reason: reason.into(), words: words.into() });
        let pods = pod(&json!({"initContainerStatuses": init}));
        let mut observed = Observed { pods, ..Observed::default() };
        observed.waiting.stuck = Some(Stuck { pod: "p".into(), complaint });
        stuck(&observed)
    }

    #[test]
    fn what_a_silent_pod_waits_for_is_said_in_the_kubelets_words() {
        let none = json!([]);
        let mount = r#"MountVolume.SetUp failed for volume "nginx-tls" : secret "gone" not found"#;
        assert_eq!(
            silent(Some(("FailedMount", mount)), &none),
            Some((Some(Reason::ContainerConfigError), format!("pod p: FailedMount: {mount}")))
        );
        let probe = "Readiness probe failed: HTTP probe failed with statuscode: 404";
        assert_eq!(
            silent(Some(("Unhealthy", probe)), &none),
            Some((None, format!("pod p: Unhealthy: {probe}")))
        );
        let gateway = "Readiness probe failed: HTTP probe failed with statuscode: 502";
        let (_, words) = silent(Some(("Unhealthy", gateway)), &none).unwrap();
        assert!(words.contains("is spec.port the port"), "{words}");
        let running = json!({"running": {"startedAt": "2026-01-01T00:00:00Z"}});
        let of = |started: bool| json!([{"name": "mesh", "image": "i", "imageID": "", "ready": false, "restartCount": 0, "started": started, "state": running}]);
        let words = "pod p: the others wait for container mesh".to_owned();
        assert_eq!(silent(None, &of(false)), Some((None, words)));
        assert_eq!(silent(None, &of(true)), None);
        assert_eq!(stuck(&Observed::default()), None);
    }

    #[test]
    fn a_pod_that_starts_or_is_ready_has_no_trouble() {
        assert_eq!(
            trouble(&pod(&container(json!({"state": {"waiting": {"reason": "ContainerCreating"}}})))),
            None
        );
        let mut ready = container(json!({"ready": true, "lastState": {"terminated": {"exitCode": 1}}}));
        ready["conditions"] = json!([{"type": "Ready", "status": "True"}]);
        assert_eq!(trouble(&pod(&ready)), None);
    }
}

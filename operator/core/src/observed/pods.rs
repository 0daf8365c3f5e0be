use k8s_openapi::{api::core::v1::Pod, apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

use crate::manifests::SERVICE_CONTAINER;

/// Has it ended for good, such as by an eviction? It stays as an object until somebody deletes it, and
/// another took its place.
pub fn has_ended(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Failed" | "Succeeded"))
}

/// Since when it is not ready: since it was ready last, or came.
pub fn not_ready_since(pod: &Pod) -> Option<Timestamp> {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let ready = conditions.into_iter().find(|condition| condition.type_ == "Ready");
    let since = ready.and_then(|ready| ready.last_transition_time.as_ref());
    since.or(pod.metadata.creation_timestamp.as_ref()).map(|time| time.0)
}

/// When the service's container last started; none while it does not run.
pub fn started(pod: &Pod) -> Option<Time> {
    let containers = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    let service = containers.into_iter().find(|container| container.name == SERVICE_CONTAINER)?;
    service.state.as_ref()?.running.as_ref()?.started_at.clone()
}

/// Is the pod's condition Ready True?
pub fn is_ready(pod: &Pod) -> bool {
    pod.status
        .iter()
        .flat_map(|s| s.conditions.iter().flatten())
        .any(|c| c.type_ == "Ready" && c.status == "True")
}

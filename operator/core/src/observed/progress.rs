use k8s_openapi::api::apps::v1::DeploymentStatus;
use kube::core::DynamicObject;

use crate::model::object::part;

/// How far a Deployment's rollout is, in numbers.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// There is a Deployment.
    pub exists: bool,
    /// Has the Deployment's controller seen the current template?
    pub seen: bool,
    /// Pods that there shall be.
    pub wanted: i32,
    /// Pods that there are.
    pub total: i32,
    /// Of these, those of the current template.
    pub updated: i32,
    /// Those that are ready.
    pub ready: i32,
    /// Those that have been ready for long enough.
    pub available: i32,
    /// The Deployment's controller has given up waiting, in its own words.
    pub stalled: Option<String>,
    /// Pods are refused, in the API server's words.
    pub refused: Option<String>,
    /// `kubectl rollout pause` holds the rollout.
    pub paused: bool,
}

impl Progress {
    /// As the Deployment's status says.
    pub fn of(deployment: Option<&DynamicObject>) -> Self {
        let Some(deployment) = deployment else { return Self::default() };
        let status: DeploymentStatus = part(deployment, "/status").unwrap_or_default();
        let words = |type_: &str, status_: &str, reason: Option<&str>| words(&status, type_, status_, reason);
        let seen =
            status.observed_generation.is_some_and(|seen| Some(seen) >= deployment.metadata.generation);
        Self {
            exists: true,
            seen,
            wanted: part(deployment, "/spec/replicas").unwrap_or(1),
            total: status.replicas.unwrap_or(0),
            updated: status.updated_replicas.unwrap_or(0),
            ready: status.ready_replicas.unwrap_or(0),
            available: status.available_replicas.unwrap_or(0),
            // Of an older template it says nothing about this one.
            stalled: words("Progressing", "False", Some("ProgressDeadlineExceeded")).filter(|_| seen),
            refused: words("ReplicaFailure", "True", None),
            paused: words("Progressing", "Unknown", Some("DeploymentPaused")).is_some(),
        }
    }

    /// No pod that exists is of an older template.
    pub fn replaced_all(&self) -> bool {
        self.exists && self.seen && self.updated == self.total
    }

    /// Every pod that exists is of the current template, and there are as many as wanted.
    pub fn is_complete(&self) -> bool {
        self.exists && self.seen && self.updated == self.wanted && self.total == self.wanted
    }
}

/// The message of a Deployment's condition, if it has this status and reason.
fn words(status: &DeploymentStatus, type_: &str, status_: &str, reason: Option<&str>) -> Option<String> {
    let found = status.conditions.iter().flatten().find(|c| c.type_ == type_ && c.status == status_)?;
    (reason.is_none() || found.reason.as_deref() == reason).then(|| found.message.clone().unwrap_or_default())
}

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// What the operator found and did. Written only when it changes.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct MicroserviceStatus {
    /// The spec's generation that this status is about.
    pub observed_generation: i64,

    /// Accepted, Available, Progressing, Monitored, Verified and Ready. Ready is the summary to wait for: True
    /// only when every replica runs this generation.
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,

    /// Pods that exist, not counting those that are ending.
    pub replicas: i32,

    /// Pods that answer through the proxy.
    pub ready_replicas: i32,

    /// Pods made from the current spec.
    pub updated_replicas: i32,

    /// Selects the pods; for `kubectl scale` and autoscalers.
    pub selector: String,

    /// Requests that can be worked on and wait at a time.
    pub capacity: Capacity,

    /// Where the service is reached inside the cluster. Published when a request there was answered.
    pub url: String,

    /// The image that the pods run.
    pub effective_image: String,

    /// Tag or digest of `effectiveImage`.
    pub version: String,

    /// What is wrong, by field of the spec where one is at fault.
    pub problems: Vec<Problem>,

    /// What was made of this Microservice. What stands here and is not wanted any more is deleted.
    pub inventory: Vec<InventoryItem>,

    /// Why the pods were replaced the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_rollout: Option<LastRollout>,
}

/// One object that was made of a Microservice, in its namespace.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct InventoryItem {
    /// Group and version, such as `apps/v1`.
    pub api_version: String,
    /// Such as `Deployment`.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// Why and when the pods were replaced.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct LastRollout {
    /// What made it necessary.
    pub reason: RolloutReason,
    /// Paths of what changed, at most 16: fields of the spec, referenced objects such as
    /// `Secret/database`, or fields of the pod template.
    #[serde(default)]
    pub changed_fields: Vec<String>,
    /// The spec's generation at that time.
    pub generation: i64,
    /// When it was begun.
    pub time: Time,
    /// Digest of the pod template that the pods got.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub template: String,
    /// The last `kubectl rollout restart`, as kubectl wrote it into the pod template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarted_at: Option<String>,
}

/// What makes new pods necessary: a closed set, for alerts and scripts.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
pub enum RolloutReason {
    /// There was no Deployment.
    Created,
    /// The user changed the spec.
    SpecChanged,
    /// A Secret or ConfigMap that the spec names has other content.
    ReferenceChanged,
    /// This operator makes other pods of the same spec than the one before.
    OperatorUpgraded,
    /// Somebody asked for it: `kubectl rollout restart`.
    Restarted,
    /// The spec's pods did not become ready; those of the last good spec came back.
    RolledBack,
    /// Somebody changed the pod template, and it was set back.
    DriftRepaired,
}

/// Workers and queue places.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase", default)]
pub struct Capacity {
    /// Workers of one ready replica, as the replicas themselves say, or as they are known to have started
    /// with; 0 where neither is known.
    pub workers_per_replica: i32,
    /// Replicas that are ready.
    pub replicas: i32,
    /// Workers of all ready replicas whose number is known.
    pub total: i32,
    /// Requests that may wait for a worker, over all ready replicas.
    pub queue: i32,
}

/// One thing that is wrong.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Path of the field at fault, such as `spec.config.server.workers`; empty where no field is.
    pub field: String,
    /// Error: nothing is changed until it is mended. Warning: the rest works.
    pub severity: Severity,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl Problem {
    /// Nothing is changed until it is fixed.
    pub fn error(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), severity: Severity::Error, message: message.into() }
    }

    /// The rest works.
    pub fn warning(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), severity: Severity::Warning, message: message.into() }
    }
}

/// How bad a [`Problem`] is.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // See `Problem::severity`.
pub enum Severity {
    Error,
    Warning,
}

/// The conditions we write, spelled as `kubectl wait --for=condition=` wants them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
pub enum ConditionType {
    /// The spec is valid and its objects' names are free.
    Accepted,
    /// As many pods as wanted answer.
    Available,
    /// A rollout is under way.
    Progressing,
    /// A Prometheus takes the `ServiceMonitor`.
    Monitored,
    /// A request through the Service was answered.
    Verified,
    /// The summary: every replica runs this generation and answers.
    Ready,
}

/// Why a condition is as it is: a closed set, for alerts and scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
pub enum Reason {
    /// All is well with the spec.
    Valid,
    /// The spec contradicts itself; see `problems`.
    InvalidSpec,
    /// An object of a name we need belongs to somebody else.
    NameCollision,
    /// A Secret or ConfigMap that the spec names does not exist.
    ReferenceMissing,
    /// As many pods as wanted answer.
    MinimumReplicasAvailable,
    /// Pods are missing or not ready.
    MinimumReplicasUnavailable,
    /// A rollout is under way.
    RollingOut,
    /// Every pod runs the current spec.
    RolloutComplete,
    /// The rollout made no progress in its time.
    ProgressDeadlineExceeded,
    /// Somebody paused the Deployment's rollout.
    Paused,
    /// The rollout made no progress in its time, and the last good spec runs again.
    RolledBack,
    /// Some replicas still run another number of workers.
    ConcurrencyLagging,
    /// Some replicas still have the resources of another number of workers.
    Resizing,
    /// A Prometheus selects the `ServiceMonitor`.
    ServiceMonitorSelected,
    /// A Prometheus selects the `ServiceMonitor` and finds fault with it.
    ServiceMonitorRejected,
    /// There are Prometheus objects, and none selects the `ServiceMonitor`.
    NoPrometheusSelects,
    /// No Prometheus object can be seen, so nothing can be said.
    NoPrometheusSeen,
    /// The cluster has no `ServiceMonitor`; it is made as soon as the CRD is installed.
    ServiceMonitorCRDMissing,
    /// A request through the Service was answered.
    RequestAnswered,
    /// A request through the Service was not answered, or not well.
    RequestFailed,
    /// `spec.monitoring.enabled` is false.
    MonitoringDisabled,
    /// The API server refused one of our objects.
    ApplyFailed,
    /// The cluster could not be read, so nothing was decided.
    ReadFailed,
    /// Nothing is known yet.
    Pending,
    /// An image can't be pulled.
    ImagePullFailed,
    /// A container ends again and again.
    CrashLooping,
    /// A container needs more memory than its limit.
    OutOfMemory,
    /// No node takes the pod.
    Unschedulable,
    /// A container can't be made, such as for a missing Secret.
    ContainerConfigError,
    /// Pods are refused, such as by a quota.
    PodsRefused,
    /// `spec.replicas` is 0.
    ScaledToZero,
    /// `spec.stopped` is true.
    Stopped,
    /// `spec.suspend` is true.
    Suspended,
    /// Every replica runs this generation and answers.
    AllReplicasReady,
}

/// A condition of `now`; [`crate::status`] keeps the old time where the status did not flip.
pub fn condition(
    type_: ConditionType,
    status: Option<bool>,
    reason: Reason,
    message: impl Into<String>,
    generation: i64,
    now: Timestamp,
) -> Condition {
    Condition {
        type_: <&str>::from(type_).into(),
        status: match status {
            Some(true) => "True",
            Some(false) => "False",
            None => "Unknown",
        }
        .into(),
        reason: <&str>::from(reason).into(),
        message: message.into(),
        observed_generation: Some(generation),
        last_transition_time: Time(now),
    }
}

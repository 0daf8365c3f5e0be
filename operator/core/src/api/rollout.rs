use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// How new pods replace old ones.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[x_kube(
    validation = Rule::new("!(string(self.maxSurge) in ['0', '0%'] && string(self.maxUnavailable) in ['0', '0%'])")
        .message("maxSurge and maxUnavailable are both 0, so that no pod could be replaced: set maxSurge to 1 or more"),
    validation = Rule::new("duration(self.progressDeadline).getSeconds() > self.minReadySeconds")
        .message("progressDeadline must be longer than minReadySeconds"),
)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// RollingUpdate: new pods take over one after the other. Recreate: all old pods end before new ones
    /// start, for volumes that only one pod may mount. Nobody answers meanwhile, maxSurge and
    /// maxUnavailable do not count, and nothing of the old pods is left to go on serving if the new ones
    /// fail.
    #[serde(default)]
    pub strategy: Strategy,

    /// Pods above the wanted number while pods are replaced: a number, or a share of the replicas
    /// such as 25% (rounded up).
    #[serde(default = "max_surge")]
    #[schemars(schema_with = "schema::count_or_share")]
    #[x_kube(validation = Rule::new(schema::COUNT_OR_SHARE)
        .message("write a number from 0 to 1000, or a share from 0% to 100%, such as 25%"))]
    pub max_surge: IntOrString,

    /// Pods below the wanted number while pods are replaced: a number, or a share of the replicas
    /// such as 25% (rounded down). 0: new pods are ready before old ones go.
    #[serde(default = "max_unavailable")]
    #[schemars(schema_with = "schema::count_or_share")]
    #[x_kube(validation = Rule::new(schema::COUNT_OR_SHARE)
        .message("write a number from 0 to 1000, or a share from 0% to 100%, such as 25%"))]
    pub max_unavailable: IntOrString,

    /// Seconds that a new pod must have been ready before it counts as available.
    #[serde(default)]
    #[schemars(range(min = 0, max = 3600))]
    pub min_ready_seconds: i32,

    /// How long a rollout may go without progress before it counts as stalled: a duration such as
    /// 90s or 5m, from 1s to 24h.
    #[serde(default = "progress_deadline")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new("self.matches('^([0-9]+(s|m|h))+$') && duration(self) >= duration('1s') && duration(self) <= duration('24h')")
        .message("write a duration from 1s to 24h with a unit, such as 300s or 5m"))]
    pub progress_deadline: String,

    /// Old versions of the pods that are kept to go back to.
    #[serde(default = "revision_history")]
    #[schemars(range(min = 0, max = 100))]
    pub revision_history: i32,

    /// What happens when new pods make no progress in time. Hold: they stay beside the old ones until
    /// the spec changes. RollBack: the last spec that became ready runs again until the spec changes;
    /// the number of replicas stays.
    #[serde(default)]
    pub on_failure: OnFailure,

    /// Seconds that an ending pod goes on taking new connections, until every node has heard that
    /// it ends; then it answers what it has and closes. Raise it for a load balancer outside the
    /// cluster that is slow to notice.
    #[serde(default = "drain")]
    #[schemars(range(min = 0, max = 600))]
    pub drain: i32,
}

/// Which pods run while others replace them.
#[derive(
    Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, strum::IntoStaticStr,
)]
pub enum Strategy {
    /// Old and new ones.
    #[default]
    RollingUpdate,
    /// None.
    Recreate,
}

/// What happens when a rollout fails.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// Nothing.
    #[default]
    Hold,
    /// The last good spec comes back.
    RollBack,
}

impl Default for Rollout {
    fn default() -> Self {
        Self {
            strategy: Strategy::RollingUpdate,
            max_surge: max_surge(),
            max_unavailable: max_unavailable(),
            min_ready_seconds: 0,
            progress_deadline: progress_deadline(),
            revision_history: revision_history(),
            on_failure: OnFailure::Hold,
            drain: drain(),
        }
    }
}

fn max_surge() -> IntOrString {
    IntOrString::String("25%".into())
}

fn max_unavailable() -> IntOrString {
    IntOrString::Int(0)
}

fn progress_deadline() -> String {
    "300s".into()
}

fn revision_history() -> i32 {
    3
}

fn drain() -> i32 {
    3
}

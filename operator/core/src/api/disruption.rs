use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::schema::{self, yes};

/// How many pods may be evicted at a time, such as when nodes are drained.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[x_kube(validation = Rule::new("!(has(self.maxUnavailable) && has(self.minAvailable))")
    .message("maxUnavailable and minAvailable exclude each other: remove one of them"))]
#[serde(rename_all = "camelCase")]
pub struct Disruption {
    /// false: no PodDisruptionBudget. There is none either for fewer than 2 replicas (autoscaling:
    /// maxReplicas), as it could only keep a node from being drained.
    #[serde(default = "yes")]
    pub enabled: bool,

    /// Pods that may be missing at a time: a number, or a share of the replicas such as 25% (rounded
    /// up). Default: 1 where minAvailable is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::count_or_share")]
    #[x_kube(validation = Rule::new(schema::COUNT_OR_SHARE)
        .message("write a number from 0 to 1000, or a share from 0% to 100%, such as 25%"))]
    pub max_unavailable: Option<IntOrString>,

    /// Pods that must stay, instead of maxUnavailable: a number, or a share such as 75% (rounded up).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::count_or_share")]
    #[x_kube(validation = Rule::new(schema::COUNT_OR_SHARE)
        .message("write a number from 0 to 1000, or a share from 0% to 100%, such as 75%"))]
    pub min_available: Option<IntOrString>,
}

impl Default for Disruption {
    fn default() -> Self {
        Self { enabled: true, max_unavailable: None, min_available: None }
    }
}

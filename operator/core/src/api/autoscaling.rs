use k8s_openapi::api::autoscaling::v2::{HorizontalPodAutoscalerBehavior, MetricSpec};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// Makes a HorizontalPodAutoscaler, which then decides the number of pods.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[x_kube(validation = Rule::new("self.minReplicas <= self.maxReplicas")
    .message("minReplicas is above maxReplicas: raise maxReplicas or lower minReplicas"))]
#[serde(rename_all = "camelCase")]
pub struct Autoscaling {
    /// Fewest pods.
    #[serde(default = "min_replicas")]
    #[schemars(range(min = 1, max = 1000))]
    pub min_replicas: i32,

    /// Most pods.
    #[schemars(range(min = 1, max = 1000))]
    pub max_replicas: i32,

    /// CPU that the service's container should use on average, in percent of what it requests; nginx
    /// and other sidecars don't count. Default: 80 where neither memory nor metrics are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub cpu: Option<i32>,

    /// Memory that the service's container should use on average, in percent of what it requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub memory: Option<i32>,

    /// More metrics, as in a HorizontalPodAutoscaler (autoscaling/v2, spec.metrics), such as busy
    /// workers through an adapter. Of all metrics the one that asks for most pods wins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::metrics")]
    pub metrics: Vec<MetricSpec>,

    /// How quickly it scales, as in a HorizontalPodAutoscaler (autoscaling/v2, spec.behavior).
    /// Default: Kubernetes' own: up at once, down after 5 minutes of less load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::behavior")]
    pub behavior: Option<HorizontalPodAutoscalerBehavior>,
}

fn min_replicas() -> i32 {
    1
}

use std::collections::BTreeMap;

use k8s_openapi::{api::core::v1::ResourceRequirements, apimachinery::pkg::api::resource::Quantity};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// CPU and memory of a container, as in a pod.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    /// What the scheduler sets aside, such as `cpu: 100m` or `memory: 64Mi`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::quantities")]
    #[x_kube(validation = Rule::new("self.all(k, isQuantity(string(self[k])) && !quantity(string(self[k])).isLessThan(quantity('0')))")
        .message("write quantities that are not negative, such as cpu: 100m or memory: 64Mi"))]
    pub requests: BTreeMap<String, Quantity>,

    /// What the container may use at most.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::quantities")]
    #[x_kube(validation = Rule::new("self.all(k, isQuantity(string(self[k])) && !quantity(string(self[k])).isLessThan(quantity('0')))")
        .message("write quantities that are not negative, such as cpu: 500m or memory: 128Mi"))]
    pub limits: BTreeMap<String, Quantity>,
}

impl From<Resources> for ResourceRequirements {
    fn from(resources: Resources) -> Self {
        let Resources { requests, limits } = resources;
        let some = |map: BTreeMap<_, _>| (!map.is_empty()).then_some(map);
        Self { requests: some(requests), limits: some(limits), claims: None }
    }
}

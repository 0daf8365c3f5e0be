use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// What the pods carry besides the operator's own.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PodMetadata {
    /// Labels of the pods, such as `team: payments`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::labels")]
    #[x_kube(validation = schema::label_values(),
        validation = Rule::new("self.all(k, !k.startsWith('microservice.dev/') && !(k in ['app.kubernetes.io/name', 'app.kubernetes.io/managed-by', 'app.kubernetes.io/part-of', 'pod-template-hash']))")
        .message("microservice.dev/*, app.kubernetes.io/name, app.kubernetes.io/managed-by, app.kubernetes.io/part-of and pod-template-hash are set for you: use a label with a prefix of your own"))]
    pub labels: BTreeMap<String, String>,

    /// Annotations of the pods.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::annotations")]
    #[x_kube(validation = schema::foreign_annotations(),
        validation = Rule::new("!('kubectl.kubernetes.io/restartedAt' in self)")
        .message("kubectl.kubernetes.io/restartedAt belongs to `kubectl rollout restart`: remove it"))]
    pub annotations: BTreeMap<String, String>,
}

use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// What all objects of a Microservice carry besides the operator's own.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct CommonMetadata {
    /// Labels of all objects, such as `cost-center: "42"`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::labels")]
    #[x_kube(validation = schema::label_values(),
        validation = Rule::new("self.all(k, !k.startsWith('microservice.dev/') && !(k in ['app.kubernetes.io/name', 'app.kubernetes.io/managed-by', 'app.kubernetes.io/part-of', 'app.kubernetes.io/component']))")
        .message("microservice.dev/* and the labels name, managed-by, part-of and component of app.kubernetes.io are set for you: use a label with a prefix of your own"))]
    pub labels: BTreeMap<String, String>,

    /// Annotations of all objects.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::annotations")]
    #[x_kube(validation = schema::foreign_annotations())]
    pub annotations: BTreeMap<String, String>,
}

use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::{kubernetes, schema};

/// The pods' identity.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[x_kube(validation = Rule::new("!has(self.name) || !has(self.annotations) || self.annotations.size() == 0")
    .message("annotations are for the ServiceAccount that the operator makes: annotate the one you name yourself, or remove name"))]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// A ServiceAccount of yours in the same namespace; the operator then makes none. Default: one
    /// of the Microservice's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "kubernetes::object_name")]
    pub name: Option<String>,

    /// Annotations of the ServiceAccount that the operator makes, such as those by which a cloud
    /// gives it an identity.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::annotations")]
    #[x_kube(validation = schema::foreign_annotations())]
    pub annotations: BTreeMap<String, String>,

    /// true: the pods get a token for the API server.
    #[serde(default)]
    pub automount_token: bool,
}

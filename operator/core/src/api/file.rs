use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::kubernetes;

/// A file, or a folder of files, in the service's container. It can't be written there.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[x_kube(validation = Rule::new("[has(self.content), has(self.configMap), has(self.secret)].filter(x, x).size() == 1")
    .message("write exactly one of content, configMap and secret"))]
#[serde(rename_all = "camelCase")]
pub struct File {
    /// Where it stands: a whole path such as /etc/shop/settings.toml. A folder, if configMap or
    /// secret have no key.
    #[schemars(schema_with = "kubernetes::path")]
    pub path: String,

    /// What stands in it. A change starts new pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 262_144))]
    pub content: Option<String>,

    /// A ConfigMap that it is taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<FileSource>,

    /// A Secret that it is taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<FileSource>,
}

/// A ConfigMap or Secret in the same namespace.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct FileSource {
    /// Its name.
    #[schemars(schema_with = "kubernetes::object_name")]
    pub name: String,

    /// The one key that becomes the file. Default: every key becomes a file of the folder `path`,
    /// which running pods then follow when it changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^[-._a-zA-Z0-9]+$')")
        .message("keys have letters, digits, -, _ and .: write one that the object has, such as tls.crt"))]
    pub key: Option<String>,
}

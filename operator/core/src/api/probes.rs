use k8s_openapi::api::core::v1::Probe;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::kubernetes;

/// How the kubelet asks the service's container, each as in a pod.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Probes {
    /// When it fails, the container is restarted. Default: /livez of the bundled service, none for
    /// another image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "kubernetes::probe")]
    #[x_kube(validation = Rule::new("!has(self.successThreshold) || self.successThreshold == 1")
        .message("one success is enough for liveness: remove successThreshold"))]
    pub liveness: Option<Probe>,

    /// While it fails, the pod gets no requests. Default: through the proxy, so that a pod is ready
    /// only when the whole way to the service works. With one of your own nginx is asked only
    /// whether it takes connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "kubernetes::probe")]
    pub readiness: Option<Probe>,

    /// Until it succeeds once, the other two wait. Default: /startupz of the bundled service, for a
    /// minute; none for another image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "kubernetes::probe")]
    #[x_kube(validation = Rule::new("!has(self.successThreshold) || self.successThreshold == 1")
        .message("one success is enough for startup: remove successThreshold"))]
    pub startup: Option<Probe>,
}

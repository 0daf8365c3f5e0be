use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::{resources::Resources, yes};

/// The port nginx listens on in the pod.
pub const PROXY_PORT: i32 = 8081;

/// The nginx in front of the service.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Proxy {
    /// false: the Service leads straight to the service's port.
    #[serde(default = "yes")]
    pub enabled: bool,

    /// nginx image, 1.27.4 or later, that runs as user 101 without writing to its root file system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    #[x_kube(validation = Rule::new("self.matches('^[^\\\\s]+$')")
        .message("write an image reference without spaces, such as nginxinc/nginx-unprivileged:1.30"))]
    pub image: Option<String>,

    /// How long a request may be worked on before the client gets 504: a duration such as 30s or
    /// 2m, at most 1h. In the bundled service it may wait for a worker as long before that; then the
    /// client gets 503.
    #[serde(default = "timeout")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new("self.matches('^([0-9]+(ms|s|m|h))+$') && duration(self) >= duration('1s') && duration(self) <= duration('1h')")
        .message("write a duration from 1s to 1h with a unit, such as 60s or 2m"))]
    pub timeout: String,

    /// Largest body of a request, in bytes with the suffix Ki, Mi or Gi; a larger one gets 413.
    #[serde(default = "max_body_size")]
    #[schemars(length(max = 16))]
    #[x_kube(validation = Rule::new("self.matches('^[1-9][0-9]{0,6}(Ki|Mi|Gi)?$')")
        .message("write a size in bytes, with Ki, Mi or Gi for multiples of 1024, such as 512Ki or 1Mi"))]
    pub max_body_size: String,

    /// CPU and memory of nginx. Default: requests of 20m CPU and 16Mi, no limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
}

impl Default for Proxy {
    fn default() -> Self {
        Self {
            enabled: true,
            image: None,
            timeout: timeout(),
            max_body_size: max_body_size(),
            resources: None,
        }
    }
}

fn timeout() -> String {
    "60s".into()
}

fn max_body_size() -> String {
    "1Mi".into()
}

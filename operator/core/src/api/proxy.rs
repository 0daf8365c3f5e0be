// Each is a switch of its own. Not on the struct: the derive makes another like it.
#![allow(clippy::struct_excessive_bools)]

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::{
    resources::Resources,
    schema::{self, yes},
};

/// The port nginx listens on in the pod.
pub const PROXY_PORT: i32 = 8081;

/// The port nginx listens on for HTTPS, if it does.
pub const PROXY_TLS_PORT: i32 = 8443;

/// The nginx in front of the service.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[x_kube(validation = Rule::new("self.enabled || !has(self.tls)")
    .message("HTTPS is nginx's: set proxy.enabled to true, or remove proxy.tls"))]
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

    /// How long nginx keeps an idle connection to the service, such as 3s; at most 1h. It must be less than
    /// the service itself keeps one (gunicorn 2 s, Node and uvicorn 5 s), or requests are lost; 0s: each
    /// request has a connection of its own. Default: 0s, as of an image nothing is known; of the bundled
    /// service 5s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new("self.matches('^([0-9]+(ms|s|m|h))+$') && duration(self) <= duration('1h')")
        .message("write a duration up to 1h with a unit, such as 3s, or 0s"))]
    pub upstream_idle_timeout: Option<String>,

    /// true: nginx takes a request's body whole before the service sees it, and an answer as fast as the
    /// service gives it, so that slow clients hold no worker of it; large ones go to disk. Default: false,
    /// both are passed on as they come.
    #[serde(default)]
    pub buffering: bool,

    /// Log every request as a line of JSON, not only those that fail.
    #[serde(default)]
    pub access_log: bool,

    /// Largest body of a request, in bytes with the suffix Ki, Mi or Gi; a larger one gets 413.
    #[serde(default = "max_body_size")]
    #[schemars(length(max = 16))]
    #[x_kube(validation = Rule::new("self.matches('^[1-9][0-9]{0,6}(Ki|Mi|Gi)?$')")
        .message("write a size in bytes, with Ki, Mi or Gi for multiples of 1024, such as 512Ki or 1Mi"))]
    pub max_body_size: String,

    /// Compress answers for clients that ask for it: text, JSON, JavaScript, XML and SVG from 1 KiB on.
    #[serde(default)]
    pub gzip: bool,

    /// Most requests of one client's address that one replica passes on; more get 429 with Retry-After.
    /// Default: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,

    /// Proxies in front of nginx, as addresses or networks such as 10.0.0.0/8: what they say of the
    /// client in Forwarded and X-Forwarded-* is believed. Default: none, the client is whoever has
    /// connected; only X-Forwarded-Proto is believed, where expose has an ingress or httpRoute.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::networks")]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub trusted_proxies: Vec<String>,

    /// HTTPS, ended by nginx: port 443 of the Service (8443 in the pod). Port 80 stays. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ProxyTls>,

    /// Directives of nginx's configuration, put beside the operator's own. What nginx would refuse,
    /// or what would break the pod, is refused here by its line.
    #[serde(default)]
    pub extra_config: ExtraConfig,

    /// CPU and memory of nginx. Default: requests of 20m CPU and 16Mi, no limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
}

/// A limit by the client's address.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// Requests per second, in the long run.
    #[schemars(range(min = 1, max = 100_000))]
    pub requests_per_second: i32,

    /// Requests past that which a client may save up and send at once. Default: as many as
    /// requestsPerSecond.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100_000))]
    pub burst: Option<i32>,
}

/// nginx's certificate.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ProxyTls {
    /// Secret of type kubernetes.io/tls in the namespace. When it changes, nginx takes the new
    /// certificate without a restart, a minute or two later.
    #[schemars(length(min = 1, max = 253))]
    pub secret_name: String,
}

/// Snippets of nginx's configuration.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ExtraConfig {
    /// Directives of the http block, such as map, upstream, or a server with a port of its own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 16384))]
    pub http: String,

    /// Directives of the server block, such as location or add_header.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 16384))]
    pub server: String,
}

impl Default for Proxy {
    fn default() -> Self {
        Self {
            enabled: true,
            image: None,
            timeout: timeout(),
            upstream_idle_timeout: None,
            buffering: false,
            access_log: false,
            max_body_size: max_body_size(),
            gzip: false,
            rate_limit: None,
            trusted_proxies: Vec::new(),
            tls: None,
            extra_config: ExtraConfig::default(),
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

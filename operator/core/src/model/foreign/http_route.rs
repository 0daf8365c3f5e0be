use kube::CustomResource;
use serde::{Deserialize, Serialize};

use crate::api::ParentRef;

/// Of the Gateway API's HTTPRoute, the fields we set.
#[derive(CustomResource, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "gateway.networking.k8s.io",
    version = "v1",
    kind = "HTTPRoute",
    plural = "httproutes",
    namespaced,
    schema = "disabled",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRouteSpec {
    /// Gateways.
    pub parent_refs: Vec<ParentRef>,
    /// Host names; none: the Gateways'.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hostnames: Vec<String>,
    /// What leads where.
    pub rules: Vec<Rule>,
}

/// Requests that match go to a backend.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct Rule {
    /// One of these.
    pub matches: Vec<Match>,
    /// The Service.
    pub backend_refs: Vec<BackendRef>,
}

/// What a request has to look like.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(default)]
pub struct Match {
    /// Its path.
    pub path: PathMatch,
}

/// Of a path.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(default)]
pub struct PathMatch {
    /// How `value` is compared.
    #[serde(rename = "type")]
    pub type_: String,
    /// With what.
    pub value: String,
}

/// A port of a Service.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(default)]
pub struct BackendRef {
    /// Of the Service.
    pub name: String,
    /// Its number.
    pub port: i32,
}

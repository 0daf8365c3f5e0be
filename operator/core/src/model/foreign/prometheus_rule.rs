use kube::CustomResource;
use serde::{Deserialize, Serialize};

use crate::api::OwnRule;

/// Of the Prometheus Operator's PrometheusRule, the fields we set.
#[derive(CustomResource, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "monitoring.coreos.com",
    version = "v1",
    kind = "PrometheusRule",
    plural = "prometheusrules",
    namespaced,
    schema = "disabled",
    derive = "PartialEq"
)]
#[serde(default)]
pub struct PrometheusRuleSpec {
    /// One: ours.
    pub groups: Vec<Group>,
}

/// Rules that are evaluated together.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// In this order.
    pub rules: Vec<OwnRule>,
}

use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::schema::{self, yes};

/// Alerts, as a PrometheusRule.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Rules {
    /// Alerts on what every service has: pods that can't be scraped; with the bundled service also the
    /// share of errors, latency, refused requests and workers that are all busy.
    #[serde(default = "yes")]
    pub defaults: bool,

    /// Share of answers with a status of 500 and above, in percent of all, past which the default
    /// alert fires.
    #[serde(default = "error_percent")]
    #[schemars(range(min = 1, max = 100))]
    pub error_percent: i32,

    /// Time within which 99 of 100 requests are to be answered, or the default alert fires: a
    /// duration such as 500ms or 2s, at most 1h.
    #[serde(default = "latency")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new("self.matches('^[1-9][0-9]{0,5}(ms|s|m|h)$') && duration(self) <= duration('1h')")
        .message("write a duration up to 1h with a unit, such as 500ms or 2s"))]
    pub latency: String,

    /// Alerts and recording rules of your own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub own: Vec<OwnRule>,
}

/// An alert or a recording rule, as in Prometheus' own rule files.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.alert) != has(self.record)")
    .message("write either alert, for an alert, or record, for a recording rule"),
    validation = Rule::new("has(self.alert) || !has(self.__for__)")
    .message("for belongs to an alert: remove it from the recording rule"))]
pub struct OwnRule {
    /// Name of the alert, such as OrdersStuck.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub alert: Option<String>,

    /// Name of the metric that the rule makes, such as orders:rate5m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub record: Option<String>,

    /// The PromQL expression.
    #[schemars(length(min = 1, max = 4096))]
    pub expr: String,

    /// How long it has to hold before the alert fires, such as 5m. Default: not at all.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new("self.matches('^[1-9][0-9]{0,5}(ms|s|m|h|d)$')")
        .message("write a duration with a unit, such as 5m"))]
    pub for_: Option<String>,

    /// Labels of what the rule makes, such as severity: page.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::texts")]
    pub labels: BTreeMap<String, String>,

    /// What people are told, such as summary and runbook_url.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::texts")]
    pub annotations: BTreeMap<String, String>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { defaults: true, error_percent: error_percent(), latency: latency(), own: Vec::new() }
    }
}

fn error_percent() -> i32 {
    5
}

fn latency() -> String {
    "1s".into()
}

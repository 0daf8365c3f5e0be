use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::{schema, yes};

/// Scraping by Prometheus.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Monitoring {
    /// false: no ServiceMonitor.
    #[serde(default = "yes")]
    pub enabled: bool,

    /// How often Prometheus scrapes each pod: a duration such as 15s or 1m.
    #[serde(default = "interval")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new("self.matches('^[1-9][0-9]{0,5}(ms|s|m|h)$')")
        .message("write a duration with a unit, such as 15s or 1m"))]
    pub interval: String,

    /// Labels of the ServiceMonitor, for a Prometheus that selects by label, such as
    /// `release: kube-prometheus-stack`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::labels")]
    #[x_kube(validation = Rule::new("self.all(k, self[k].matches('^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$'))")
        .message("label values have at most 63 letters, digits, -, _ or ., and start and end with a letter or digit"),
        validation = Rule::new("self.all(k, !k.startsWith('microservice.dev/') && !k.startsWith('app.kubernetes.io/'))")
        .message("labels below microservice.dev/ and app.kubernetes.io/ are the operator's: use a prefix of your own"))]
    pub labels: BTreeMap<String, String>,
}

impl Default for Monitoring {
    fn default() -> Self {
        Self { enabled: true, interval: interval(), labels: BTreeMap::new() }
    }
}

fn interval() -> String {
    "30s".into()
}

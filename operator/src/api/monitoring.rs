use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::{relabeling::Relabeling, schema, yes};

/// Scraping by Prometheus.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.scrapeTimeout) || !self.scrapeTimeout.matches('^[0-9]+(ms|s|m|h)$') || !self.interval.matches('^[0-9]+(ms|s|m|h)$') || duration(self.scrapeTimeout) <= duration(self.interval)")
    .message("scrapeTimeout is longer than interval: a scrape must end before the next begins; write a shorter scrapeTimeout or a longer interval"))]
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

    /// How long a scrape may take: a duration such as 5s, at most the interval. Default: Prometheus'
    /// own, 10s or the interval where that is shorter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new("self.matches('^[1-9][0-9]{0,5}(ms|s|m|h)$')")
        .message("write a duration with a unit, such as 5s"))]
    pub scrape_timeout: Option<String>,

    /// Labels of the ServiceMonitor, for a Prometheus that selects by label, such as
    /// `release: kube-prometheus-stack`. The condition Monitored says which labels are missing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::labels")]
    #[x_kube(validation = Rule::new("self.all(k, self[k].matches('^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$'))")
        .message("label values have at most 63 letters, digits, -, _ or ., and start and end with a letter or digit"),
        validation = Rule::new("self.all(k, !k.startsWith('microservice.dev/') && !k.startsWith('app.kubernetes.io/'))")
        .message("labels below microservice.dev/ and app.kubernetes.io/ are the operator's: use a prefix of your own"))]
    pub labels: BTreeMap<String, String>,

    /// Steps that change a pod's labels before it is scraped, in this order, such as one that adds
    /// the name of its node. They also can drop the pod.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub relabelings: Vec<Relabeling>,

    /// Steps that change, keep or drop scraped metrics before they are stored, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub metric_relabelings: Vec<Relabeling>,

    /// Most metrics that one scrape of a pod may bring, after metricRelabelings; with more, the whole
    /// scrape counts as failed. Default: no limit but Prometheus' own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000_000))]
    pub sample_limit: Option<i32>,
}

impl Default for Monitoring {
    fn default() -> Self {
        Self {
            enabled: true,
            interval: interval(),
            scrape_timeout: None,
            labels: BTreeMap::new(),
            relabelings: Vec::new(),
            metric_relabelings: Vec::new(),
            sample_limit: None,
        }
    }
}

fn interval() -> String {
    "30s".into()
}

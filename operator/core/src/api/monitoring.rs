use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::{
    relabeling::Relabeling,
    resources::Resources,
    rules::Rules,
    schema::{self, yes},
};

/// Scraping by Prometheus.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.scrapeTimeout) || !self.scrapeTimeout.matches('^[0-9]+(ms|s|m|h)$') || !self.interval.matches('^[0-9]+(ms|s|m|h)$') || duration(self.scrapeTimeout) <= duration(self.interval)")
    .message("scrapeTimeout is longer than interval: a scrape must end before the next begins; write a shorter scrapeTimeout or a longer interval"))]
pub struct Monitoring {
    /// false: no ServiceMonitor.
    #[serde(default = "yes")]
    pub enabled: bool,

    /// Path of the metrics. nginx hides it: to clients it answers 404.
    #[serde(default = "path")]
    #[schemars(length(max = 256))]
    #[x_kube(validation = Rule::new("self.matches('^/[A-Za-z0-9._~][-A-Za-z0-9._~/]*$')")
        .message("write a path of letters, digits, -, ., _, ~ and /, such as /metrics or /actuator/prometheus"))]
    pub path: String,

    /// Port of the pods where the metrics are: a number, or the name of a container's port, such as
    /// service for the service's own. Default: adminPort, or the exporter with statsd.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::target_port")]
    #[x_kube(validation = Rule::new("!(string(self) in ['http', 'https'])")
        .message("nginx hides the metrics: write service for the service's own port, or the name of another"))]
    pub port: Option<IntOrString>,

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
    #[x_kube(validation = schema::label_values(), validation = schema::foreign_labels())]
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

    /// Alerts, as a PrometheusRule with the labels above. `rules: {}` takes the default ones. Without
    /// this field there is no PrometheusRule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<Rules>,

    /// A Grafana dashboard, as a ConfigMap that Grafana's sidecar loads. `dashboard: {}` takes the
    /// defaults. Without this field there is no dashboard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dashboard: Option<Dashboard>,

    /// Push mode: the service sends its metrics to a StatsD exporter in its pod (UDP port 9125), and
    /// Prometheus scrapes that instead of the service. The container gets PYMICRO_SEND_METRICS and
    /// PYMICRO_STATSD. `statsd: {}` takes the defaults. Without this field the service is scraped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statsd: Option<Statsd>,
}

/// A Grafana dashboard.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Dashboard {
    /// Labels of the ConfigMap, by which Grafana's sidecar finds it.
    #[serde(default = "grafana_labels")]
    #[schemars(schema_with = "schema::labels")]
    #[x_kube(validation = schema::label_values(), validation = schema::foreign_labels())]
    pub labels: BTreeMap<String, String>,
}

impl Default for Dashboard {
    fn default() -> Self {
        Self { labels: grafana_labels() }
    }
}

/// The StatsD exporter in the service's pod.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Statsd {
    /// Image of the exporter, whose entry point takes the options of Prometheus' statsd_exporter.
    /// Default: the operator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    #[x_kube(validation = Rule::new("self.matches('^[^\\\\s]+$')")
        .message("write an image reference without spaces, such as prom/statsd-exporter:v0.31.0"))]
    pub image: Option<String>,

    /// CPU and memory of the exporter. Default: requests of 10m CPU and 16Mi, no limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
}

impl Default for Monitoring {
    fn default() -> Self {
        Self {
            enabled: true,
            path: path(),
            port: None,
            interval: interval(),
            scrape_timeout: None,
            labels: BTreeMap::new(),
            relabelings: Vec::new(),
            metric_relabelings: Vec::new(),
            sample_limit: None,
            rules: None,
            dashboard: None,
            statsd: None,
        }
    }
}

fn path() -> String {
    "/metrics".into()
}

fn interval() -> String {
    "30s".into()
}

fn grafana_labels() -> BTreeMap<String, String> {
    BTreeMap::from([("grafana_dashboard".into(), "1".into())])
}

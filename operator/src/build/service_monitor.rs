use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::CustomResource;
use serde::{Deserialize, Serialize};

use super::meta::{labels, object_meta, selector};
use crate::controller::validate::Validated;

/// Of the Prometheus Operator's ServiceMonitor, the fields we set.
#[derive(CustomResource, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "monitoring.coreos.com",
    version = "v1",
    kind = "ServiceMonitor",
    plural = "servicemonitors",
    namespaced,
    schema = "disabled",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceMonitorSpec {
    /// Selects our Service.
    pub selector: LabelSelector,
    /// What is scraped.
    pub endpoints: Vec<Endpoint>,
}

/// One port to scrape.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct Endpoint {
    /// Name of the Service's port.
    pub port: String,
    /// Path of the metrics.
    pub path: String,
    /// How often.
    pub interval: String,
}

/// Scrapes each pod once, past nginx.
pub(super) fn build(validated: &Validated) -> ServiceMonitor {
    let monitoring = &validated.spec.monitoring;
    let mut metadata = object_meta(validated);
    let mut all = monitoring.labels.clone();
    all.extend(labels(validated));
    metadata.labels = Some(all);
    ServiceMonitor {
        metadata,
        spec: ServiceMonitorSpec {
            selector: selector(validated),
            endpoints: vec![Endpoint {
                port: "metrics".into(),
                path: "/metrics".into(),
                interval: monitoring.interval.clone(),
            }],
        },
    }
}

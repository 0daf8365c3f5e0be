use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::metrics::METRICS;
use crate::{
    api::Relabeling,
    model::{
        ResolvedMicroservice,
        foreign::{Endpoint, ServiceMonitor, ServiceMonitorSpec},
        meta::{metrics_labels, monitoring_meta},
    },
};

/// Scrapes each pod once, past nginx.
pub(super) fn build(resolved: &ResolvedMicroservice) -> ServiceMonitor {
    let monitoring = &resolved.spec.monitoring;
    // What is scraped is of the Microservice, whatever the Service is called that leads there.
    let of_microservice = ["job", "service"].map(|label| Relabeling {
        target_label: Some(label.into()),
        replacement: Some(resolved.child_name.clone()),
        ..Relabeling::default()
    });
    ServiceMonitor {
        metadata: monitoring_meta(resolved),
        spec: ServiceMonitorSpec {
            selector: LabelSelector { match_labels: Some(metrics_labels(resolved)), ..Default::default() },
            endpoints: vec![Endpoint {
                port: METRICS.into(),
                path: monitoring.path.clone(),
                interval: monitoring.interval.clone(),
                scrape_timeout: monitoring.scrape_timeout.clone(),
                relabelings: of_microservice.into_iter().chain(monitoring.relabelings.clone()).collect(),
                metric_relabelings: monitoring.metric_relabelings.clone(),
            }],
            sample_limit: monitoring.sample_limit,
        },
    }
}

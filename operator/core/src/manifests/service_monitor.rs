use crate::model::{
    ResolvedMicroservice,
    foreign::{Endpoint, ServiceMonitor, ServiceMonitorSpec},
    meta::{monitoring_meta, selector},
};

/// Scrapes each pod once, past nginx.
pub(super) fn build(resolved: &ResolvedMicroservice) -> ServiceMonitor {
    let monitoring = &resolved.spec.monitoring;
    ServiceMonitor {
        metadata: monitoring_meta(resolved),
        spec: ServiceMonitorSpec {
            selector: selector(resolved),
            endpoints: vec![Endpoint {
                port: "metrics".into(),
                path: "/metrics".into(),
                interval: monitoring.interval.clone(),
                scrape_timeout: monitoring.scrape_timeout.clone(),
                relabelings: monitoring.relabelings.clone(),
                metric_relabelings: monitoring.metric_relabelings.clone(),
            }],
            sample_limit: monitoring.sample_limit,
        },
    }
}

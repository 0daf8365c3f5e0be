//! Pure: from a valid spec to the objects it becomes. No clock, no cluster, no error.
//!
//! [`Children`] lists the objects; each has a file of its own.

mod autoscaler;
mod children;
mod config_map;
mod configuration;
mod container;
mod dashboard;
mod defaults;
mod deployment;
mod disruption_budget;
mod files;
mod http_route;
mod ingress;
mod metrics;
mod network_policy;
pub(crate) mod nginx;
mod pod_template;
mod ports;
mod probe;
mod prometheus_rule;
mod queries;
mod scheduling;
mod service;
mod service_account;
mod service_monitor;
mod sidecars;
mod statsd;
mod strategic_merge;

pub use children::{Children, build};
pub use config_map::is_earlier;
pub(crate) use config_map::keep_earlier;
pub(crate) use configuration::immutable;
pub use container::SERVICE_CONTAINER;
pub use deployment::{grace_period, template_digest};
pub use network_policy::reads_service;
pub use pod_template::overridden;
pub use ports::{READY_HOST, READY_PATH};
pub use service::leads_to_nginx;
pub(crate) use statsd::{ADDRESS_PORT as STATSD_PORT, EXPORTER_PORT_NUMBER};
pub(crate) use strategic_merge::{faults, merge};

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::build;
    use crate::model::{Child, Kind, ResolvedMicroservice};

    /// peers: opentelemetry-operator#898, #2251, grafana/loki#1726, qdrant-helm#207
    #[test]
    fn however_exposed_the_metrics_stand_once_and_inside_the_cluster() {
        let mut resolved = ResolvedMicroservice::example();
        resolved.spec = serde_json::from_value(json!({
            "networkPolicy": "restricted",
            "proxy": {"tls": {"secretName": "t"}},
            "expose": {
                "ingress": {}, "httpRoute": {"parentRefs": [{"name": "g"}]},
                "service": {"type": "NodePort", "ports": [{"name": "direct", "port": 9091, "targetPort": 9090}]},
            },
        }))
        .unwrap();
        let objects = build(&resolved).into_objects();
        let monitor = &objects.iter().find(|(child, _)| *child == Child::ServiceMonitor).unwrap().1;
        let selector = monitor["spec"]["selector"]["matchLabels"].as_object().unwrap();
        let is_selected = |object: &Value| {
            selector.iter().all(|(name, value)| object["metadata"]["labels"].get(name) == Some(value))
        };
        let services: Vec<_> = objects.iter().filter(|(child, _)| child.kind() == Kind::Service).collect();
        let selected: Vec<_> = services.iter().filter(|(_, object)| is_selected(object)).collect();
        assert_eq!(selected.iter().map(|(child, _)| *child).collect::<Vec<_>>(), [Child::Metrics]);
        assert_eq!(selected[0].1["spec"]["type"], "ClusterIP");
        let named = |object: &Value| {
            object["spec"]["ports"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|port| port["name"] == "metrics")
                .count()
        };
        assert_eq!(services.iter().map(|(_, object)| named(object)).sum::<usize>(), 1);
        assert_eq!(monitor["spec"]["endpoints"].as_array().unwrap().len(), 1);
        assert_eq!(monitor["spec"]["endpoints"][0]["port"], "metrics");
    }
}

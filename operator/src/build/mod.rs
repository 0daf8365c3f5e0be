//! Pure: from a valid spec to the objects it becomes. No clock, no cluster, no error.
//!
//! [`Child`] lists the objects, [`Kind`] their kinds; each object has a file of its own.

mod autoscaler;
mod child;
mod config_map;
mod container;
mod dashboard;
mod deployment;
mod disruption_budget;
mod files;
mod http_route;
mod ingress;
mod kind;
mod list;
pub mod meta;
mod network_policy;
pub(crate) mod nginx;
mod pod_template;
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

use serde_json::Value;
use strum::VariantArray;

pub use child::Child;
pub use container::SERVICE_CONTAINER;
pub use deployment::template_digest;
pub use http_route::{HTTPRoute, HttpRouteSpec};
pub use kind::Kind;
pub use nginx::READY_PATH;
pub use pod_template::overridden;
pub use prometheus_rule::{PrometheusRule, PrometheusRuleSpec};
pub use service_monitor::{ServiceMonitor, ServiceMonitorSpec};
pub(crate) use strategic_merge::{faults, merge};

use crate::controller::validate::Validated;

/// All children that the spec asks for, in the order of [`Child`]. The same input gives the same bytes.
pub fn build(validated: &Validated) -> Vec<(Child, Value)> {
    let wanted = Child::VARIANTS.iter().filter(|child| child.is_wanted(&validated.spec));
    wanted.map(|child| (*child, child.build(validated))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// peers: opentelemetry-operator#898, #2251, grafana/loki#1726, qdrant-helm#207
    #[test]
    fn however_exposed_the_metrics_stand_in_one_service_once() {
        let mut validated = Validated::example();
        validated.spec = serde_json::from_value(json!({
            "networkPolicy": "restricted",
            "proxy": {"tls": {"secretName": "t"}},
            "expose": {
                "ingress": {}, "httpRoute": {"parentRefs": [{"name": "g"}]},
                "service": {"type": "NodePort", "ports": [{"name": "direct", "port": 9091, "targetPort": 9090}]},
            },
        }))
        .unwrap();
        let objects = build(&validated);
        let services: Vec<_> = objects.iter().filter(|(child, _)| child.kind() == Kind::Service).collect();
        assert_eq!(services.len(), 1);
        let ports = services[0].1["spec"]["ports"].as_array().unwrap();
        assert_eq!(ports.iter().filter(|port| port["name"] == "metrics").count(), 1);
        let monitor = &objects.iter().find(|(child, _)| *child == Child::ServiceMonitor).unwrap().1;
        assert_eq!(monitor["spec"]["endpoints"].as_array().unwrap().len(), 1);
        assert_eq!(monitor["spec"]["endpoints"][0]["port"], "metrics");
    }
}

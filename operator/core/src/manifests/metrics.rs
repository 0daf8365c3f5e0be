use k8s_openapi::{
    api::core::v1::{Service, ServicePort, ServiceSpec},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

use super::{ports::metrics_target, service::port};
use crate::model::{
    Child, ResolvedMicroservice,
    meta::{labelled, metrics_labels, object_meta, selector_labels},
};

/// Name of its port.
pub(super) const METRICS: &str = "metrics";

/// Leads past nginx to the service's admin port, to the exporter that the service pushes to, or to where
/// the spec says that the metrics are. A
/// Service of its own: a node port or a load balancer is for all ports of a Service.
pub(super) fn build(resolved: &ResolvedMicroservice) -> Service {
    Service {
        metadata: ObjectMeta {
            name: Some(Child::Metrics.name(&resolved.child_name)),
            ..labelled(object_meta(resolved), &metrics_labels(resolved))
        },
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".into()),
            selector: Some(selector_labels(resolved)),
            ports: Some(vec![ServicePort {
                target_port: Some(metrics_target(resolved)),
                ..port(METRICS, 9090, "")
            }]),
            ..Default::default()
        }),
        ..Default::default()
    }
}

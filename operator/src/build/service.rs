use k8s_openapi::{
    api::core::v1::{Service, ServicePort, ServiceSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};

use super::{
    container::{HTTP_PORT, METRICS_PORT, SERVICE_PORT},
    meta::{object_meta, selector_labels},
    statsd::EXPORTER_PORT,
};
use crate::controller::validate::Validated;

/// `http` leads to nginx, `metrics` past it to the service's admin port, or to the exporter that the
/// service pushes to.
pub(super) fn build(validated: &Validated) -> Service {
    let target = if validated.spec.proxy.enabled { HTTP_PORT } else { SERVICE_PORT };
    let metrics = if validated.spec.monitoring.statsd.is_some() { EXPORTER_PORT } else { METRICS_PORT };
    Service {
        metadata: object_meta(validated),
        spec: Some(ServiceSpec {
            selector: Some(selector_labels(validated)),
            ports: Some(vec![port("http", 80, target), port("metrics", 9090, metrics)]),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn port(name: &str, port: i32, target: &str) -> ServicePort {
    ServicePort {
        name: Some(name.into()),
        port,
        protocol: Some("TCP".into()),
        target_port: Some(IntOrString::String(target.into())),
        ..Default::default()
    }
}

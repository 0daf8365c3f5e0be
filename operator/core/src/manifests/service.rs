use k8s_openapi::{
    api::core::v1::{Service, ServicePort, ServiceSpec},
    apimachinery::pkg::{apis::meta::v1::ObjectMeta, util::intstr::IntOrString},
};

use super::{
    ports::{HTTP_PORT, HTTPS_PORT, METRICS_PORT, SERVICE_PORT},
    statsd::EXPORTER_PORT,
};
use crate::{
    api::ExtraPort,
    model::{
        ResolvedMicroservice,
        meta::{object_meta, selector_labels},
    },
};

/// The port that clients use.
pub(super) const HTTP: &str = "http";
pub(super) const HTTP_NUMBER: i32 = 80;

/// `http` leads to nginx, `metrics` past it to the service's admin port, or to the exporter that the
/// service pushes to.
pub(super) fn build(resolved: &ResolvedMicroservice) -> Service {
    let settings = &resolved.spec.expose.service;
    let target = if resolved.spec.proxy.enabled { HTTP_PORT } else { SERVICE_PORT };
    let metrics = if resolved.spec.monitoring.statsd.is_some() { EXPORTER_PORT } else { METRICS_PORT };
    let http = ServicePort { app_protocol: settings.app_protocol.clone(), ..port(HTTP, HTTP_NUMBER, target) };
    let mut ports = vec![http, port("metrics", 9090, metrics)];
    if resolved.serves_tls() {
        ports.push(port("https", 443, HTTPS_PORT));
    }
    ports.extend(settings.ports.iter().map(extra));
    Service {
        metadata: ObjectMeta {
            annotations: (!settings.annotations.is_empty()).then(|| settings.annotations.clone()),
            ..object_meta(resolved)
        },
        spec: Some(ServiceSpec {
            type_: Some(<&str>::from(settings.r#type).into()),
            selector: Some(selector_labels(resolved)),
            ports: Some(ports),
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

fn extra(wanted: &ExtraPort) -> ServicePort {
    ServicePort {
        target_port: Some(wanted.target_port.clone().unwrap_or(IntOrString::Int(wanted.port))),
        app_protocol: wanted.app_protocol.clone(),
        ..port(&wanted.name, wanted.port, "")
    }
}

use k8s_openapi::{
    api::core::v1::{ClientIPConfig, Service, ServicePort, ServiceSpec, SessionAffinityConfig},
    apimachinery::pkg::util::intstr::IntOrString,
};

use kube::core::DynamicObject;

use super::ports::requests_target;
use crate::{
    api::{ExtraPort, SessionAffinity},
    model::{
        ResolvedMicroservice,
        meta::{annotated, object_meta, selector_labels},
        object::part,
        ports::{HTTP_PORT, HTTPS_PORT},
    },
};

/// The port that clients use.
pub(super) const HTTP: &str = "http";
pub(super) const HTTP_NUMBER: i32 = 80;

/// `http` leads to nginx; see [`super::ports`] for pods that have none. To a pod without HTTPS only the
/// port `https` does not lead.
pub(super) fn build(resolved: &ResolvedMicroservice) -> Service {
    let settings = &resolved.spec.expose.service;
    let http = ServicePort {
        app_protocol: settings.app_protocol.clone(),
        ..port(HTTP, HTTP_NUMBER, requests_target(resolved))
    };
    let mut ports = vec![http];
    if resolved.serves_tls() {
        ports.push(port("https", 443, HTTPS_PORT));
    }
    ports.extend(settings.ports.iter().map(extra));
    Service {
        metadata: annotated(object_meta(resolved), &settings.annotations),
        spec: Some(ServiceSpec {
            type_: Some(<&str>::from(settings.r#type).into()),
            selector: Some(selector_labels(resolved)),
            ports: Some(ports),
            external_traffic_policy: settings.external_traffic_policy.map(|p| <&str>::from(p).into()),
            load_balancer_class: settings.load_balancer_class.clone(),
            session_affinity: settings.session_affinity.map(|a| <&str>::from(a).into()),
            session_affinity_config: affinity_config(settings.session_affinity),
            ip_family_policy: settings.ip_family_policy.map(|p| <&str>::from(p).into()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// What the API server would fill in: else it would count as somebody else's.
fn affinity_config(affinity: Option<SessionAffinity>) -> Option<SessionAffinityConfig> {
    const THREE_HOURS: i32 = 10_800;
    let client_ip = ClientIPConfig { timeout_seconds: Some(THREE_HOURS) };
    let is_wanted = affinity == Some(SessionAffinity::ClientIP);
    is_wanted.then_some(SessionAffinityConfig { client_ip: Some(client_ip) })
}

/// Does the Service as it is lead to nginx?
pub fn leads_to_nginx(service: &DynamicObject) -> bool {
    let ports: Vec<ServicePort> = part(service, "/spec/ports").unwrap_or_default();
    let nginx = Some(IntOrString::String(HTTP_PORT.into()));
    ports.iter().any(|port| port.name.as_deref() == Some(HTTP) && port.target_port == nginx)
}

pub(super) fn port(name: &str, port: i32, target: &str) -> ServicePort {
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

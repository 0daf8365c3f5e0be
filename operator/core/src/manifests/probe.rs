//! How the kubelet asks the containers.

use k8s_openapi::{
    api::core::v1::{HTTPGetAction, HTTPHeader, Probe, TCPSocketAction},
    apimachinery::pkg::util::intstr::IntOrString,
};

use super::ports::{READY_HOST, READY_PATH};
use crate::model::{
    ResolvedMicroservice,
    ports::{HTTP_PORT, METRICS_PORT, SERVICE_PORT},
};

/// Of the service's container.
pub(super) fn startup(resolved: &ResolvedMicroservice) -> Option<Probe> {
    let own =
        || Probe { period_seconds: Some(1), failure_threshold: Some(60), ..get("/startupz", METRICS_PORT) };
    resolved.spec.probes.startup.clone().or_else(|| resolved.bundled.then(own))
}

/// Of the service's container.
pub(super) fn liveness(resolved: &ResolvedMicroservice) -> Option<Probe> {
    let own = || Probe {
        period_seconds: Some(10),
        timeout_seconds: Some(3),
        failure_threshold: Some(3),
        ..get("/livez", METRICS_PORT)
    };
    resolved.spec.probes.liveness.clone().or_else(|| resolved.bundled.then(own))
}

/// Of the service's container; none where nginx is asked for it.
pub(super) fn readiness(resolved: &ResolvedMicroservice) -> Option<Probe> {
    let own = || often(if resolved.bundled { get("/readyz", METRICS_PORT) } else { connect(SERVICE_PORT) });
    let given = resolved.spec.probes.readiness.clone();
    given.or_else(|| (!resolved.spec.proxy.enabled).then(own))
}

/// nginx is asked for both, unless the user says how the service is asked.
pub(super) fn proxy_readiness(resolved: &ResolvedMicroservice) -> Probe {
    often(match resolved.spec.probes.readiness {
        None => get_as(READY_HOST, READY_PATH, HTTP_PORT),
        Some(_) => connect(HTTP_PORT),
    })
}

pub(super) fn get(path: &str, port: &str) -> Probe {
    http_get(path, port, None)
}

fn get_as(host: &str, path: &str, port: &str) -> Probe {
    let header = HTTPHeader { name: "Host".into(), value: host.into() };
    http_get(path, port, Some(vec![header]))
}

fn http_get(path: &str, port: &str, http_headers: Option<Vec<HTTPHeader>>) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.into()),
            port: IntOrString::String(port.into()),
            http_headers,
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn connect(port: &str) -> Probe {
    Probe {
        tcp_socket: Some(TCPSocketAction { port: IntOrString::String(port.into()), host: None }),
        ..Default::default()
    }
}

fn often(probe: Probe) -> Probe {
    Probe { period_seconds: Some(2), timeout_seconds: Some(2), failure_threshold: Some(3), ..probe }
}

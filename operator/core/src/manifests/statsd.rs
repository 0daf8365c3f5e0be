//! Push mode: the exporter that the service sends its metrics to, in its own pod.

use k8s_openapi::api::core::v1::{Container, EnvVar};

use super::{
    defaults::{LAST_WORDS, port, requests, security},
    probe::get,
};
use crate::model::{ResolvedMicroservice, ports::EXPORTER_PORT};

/// Where Prometheus reads the metrics.
pub(crate) const EXPORTER_PORT_NUMBER: i32 = 9102;
/// Where the service sends to; nobody outside the pod can. UDP.
const ADDRESS: &str = "127.0.0.1:9125";
/// Its port.
pub(crate) const ADDRESS_PORT: i32 = 9125;
const EXPORTER_USER: i64 = 65534;

/// As a native sidecar it is there before the service, and after its last metrics.
pub(super) fn exporter(resolved: &ResolvedMicroservice) -> Option<Container> {
    let statsd = resolved.spec.monitoring.statsd.as_ref()?;
    Some(Container {
        name: "statsd-exporter".into(),
        image: Some(resolved.statsd_image.clone()),
        args: Some(vec![
            format!("--statsd.listen-udp={ADDRESS}"),
            "--statsd.listen-tcp=".into(),
            format!("--web.listen-address=:{EXPORTER_PORT_NUMBER}"),
        ]),
        ports: Some(vec![port(EXPORTER_PORT, EXPORTER_PORT_NUMBER)]),
        resources: Some(statsd.resources.clone().map_or_else(|| requests("10m", "16Mi"), Into::into)),
        restart_policy: Some("Always".into()),
        // No readiness: without metrics the service serves as well.
        liveness_probe: Some(get("/-/healthy", EXPORTER_PORT)),
        termination_message_policy: Some(LAST_WORDS.into()),
        security_context: Some(security(Some(EXPORTER_USER))),
        ..Default::default()
    })
}

/// What tells the service where to send.
pub(super) fn environment(resolved: &ResolvedMicroservice) -> Vec<EnvVar> {
    let pair = |name: &str, value: String| EnvVar { name: name.into(), value: Some(value), value_from: None };
    match resolved.spec.monitoring.statsd {
        Some(_) => vec![
            pair("PYMICRO_SEND_METRICS", "true".into()),
            pair("PYMICRO_STATSD", format!("http://{ADDRESS}")),
        ],
        None => Vec::new(),
    }
}

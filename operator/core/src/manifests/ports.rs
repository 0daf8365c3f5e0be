//! Where pods answer.
//!
//! A Service has one target for the pods of all templates. A name that only some of the pods have
//! would leave the others without traffic, so it leads to nginx, and to the exporter, only once every
//! pod has that; until then to what every pod has, whatever becomes of a rollout.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::model::{
    ResolvedMicroservice,
    ports::{EXPORTER_PORT, HTTP_PORT, METRICS_PORT, SERVICE_PORT},
};

/// Path that the kubelet asks for readiness; nginx passes it on, so that a pod is ready only when
/// the way through nginx to the service works.
pub const READY_PATH: &str = "/-/readyz";

/// Host that it asks for it: nginx has a server for that name, which nothing made for clients reaches.
pub const READY_HOST: &str = "readiness.microservice.dev";

/// The port of the pods that requests go to.
pub(super) fn requests_target(resolved: &ResolvedMicroservice) -> &'static str {
    target(resolved, resolved.spec.proxy.enabled, HTTP_PORT, SERVICE_PORT)
}

/// The port of the pods that Prometheus reads. The service's own goes by its name, which follows each
/// pod, also where the user writes the number.
pub(super) fn metrics_target(resolved: &ResolvedMicroservice) -> IntOrString {
    let spec = &resolved.spec;
    let name = match &spec.monitoring.port {
        Some(IntOrString::Int(port)) if *port == spec.port => SERVICE_PORT,
        Some(IntOrString::Int(port)) if *port == spec.admin_port => METRICS_PORT,
        Some(port) => return port.clone(),
        None => target(resolved, spec.monitoring.statsd.is_some(), EXPORTER_PORT, METRICS_PORT),
    };
    IntOrString::String(name.into())
}

fn target(
    resolved: &ResolvedMicroservice,
    wanted: bool,
    name: &'static str,
    otherwise: &'static str,
) -> &'static str {
    if wanted && resolved.running.all_have(name) { name } else { otherwise }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use k8s_openapi::api::core::v1::{Pod, Service};
    use serde_json::{Value, json};

    use super::super::{deployment, metrics, network_policy, service};
    use crate::model::{ResolvedMicroservice, ports::PodPorts};

    fn of(spec: &Value, running: &[Pod]) -> ResolvedMicroservice {
        let mut resolved = ResolvedMicroservice::example();
        resolved.spec = serde_json::from_value(spec.clone()).unwrap();
        resolved.running = PodPorts::of(running);
        resolved
    }

    /// A pod of the template that the spec becomes.
    fn pod(spec: &Value) -> Pod {
        let template = deployment::template(&of(spec, &[]));
        Pod { metadata: template.metadata.unwrap_or_default(), spec: template.spec, status: None }
    }

    fn ending(mut pod: Pod) -> Pod {
        pod.metadata.deletion_timestamp = serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap();
        pod
    }

    /// The number that the pod is reached at through this port of the Service.
    fn reached(service: &Service, port: &str, pod: &Pod) -> Option<i32> {
        let ports = service.spec.as_ref()?.ports.as_ref()?;
        let port = ports.iter().find(|found| found.name.as_deref() == Some(port))?;
        let name = serde_json::to_value(&port.target_port).ok()?;
        crate::model::ports::port_of(pod, name.as_str()?)
    }

    fn allowed(resolved: &ResolvedMicroservice) -> BTreeSet<i64> {
        let policy = serde_json::to_value(network_policy::build(resolved)).unwrap();
        let rules = policy["spec"]["ingress"].as_array().unwrap().clone();
        let ports = rules.iter().flat_map(|rule| rule["ports"].as_array().unwrap().clone());
        ports.filter_map(|port| port["port"].as_i64()).collect()
    }

    /// Each pair is switched in both directions; whichever of the two pods becomes ready, or none.
    #[test]
    fn every_ready_pod_is_reached_throughout_a_rollout() {
        let restricted = |mut spec: Value| {
            spec["networkPolicy"] = json!("restricted");
            spec
        };
        let pairs = [
            (json!({"proxy": {"enabled": false}}), json!({})),
            (json!({"port": 8000}), json!({"port": 8001})),
            (
                json!({"proxy": {"enabled": false}, "port": 8000}),
                json!({"proxy": {"enabled": false}, "port": 8001}),
            ),
            (json!({"proxy": {"enabled": false}, "port": 8000}), json!({"port": 8001})),
            (json!({"adminPort": 9000}), json!({"adminPort": 9001})),
            (json!({"monitoring": {"statsd": {}}}), json!({})),
            (json!({"monitoring": {"port": 8000}, "port": 8000}), json!({"monitoring": {"port": "service"}})),
            (json!({"proxy": {"tls": {"secretName": "t"}}}), json!({})),
            (json!({"proxy": {"tls": {"secretName": "t"}}}), json!({"proxy": {"enabled": false}})),
        ];
        for (a, b) in pairs {
            for (old, new) in [(&a, &b), (&b, &a)] {
                let (old, new) = (restricted(old.clone()), restricted(new.clone()));
                let pods = [pod(&old), pod(&new)];
                for running in
                    [&pods[..1], &pods[..], &pods[1..], &[ending(pods[0].clone()), pods[1].clone()]]
                {
                    let resolved = of(&new, running);
                    let allowed = allowed(&resolved);
                    let services =
                        [("http", service::build(&resolved)), ("metrics", metrics::build(&resolved))];
                    for pod in running.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()) {
                        for (port, service) in &services {
                            let number = reached(service, port, pod);
                            let number = number.unwrap_or_else(|| panic!("{old} -> {new}: no {port}"));
                            assert!(
                                allowed.contains(&number.into()),
                                "{old} -> {new}: {port} {number} is shut"
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn once_every_pod_has_nginx_the_way_leads_through_it_and_past_it_is_shut() {
        let (old, new) = (json!({"proxy": {"enabled": false}}), json!({"networkPolicy": "restricted"}));
        let both = of(&new, &[pod(&old), pod(&new)]);
        assert_eq!(reached(&service::build(&both), "http", &pod(&new)), Some(8080));
        let draining = of(&new, &[ending(pod(&old)), pod(&new)]);
        assert_eq!(reached(&service::build(&draining), "http", &pod(&new)), Some(8081));
        assert!(allowed(&draining).contains(&8080), "a node that has not heard of it sends there");
        assert_eq!(allowed(&of(&new, &[pod(&new)])), [8081, 9090].into());
    }

    /// A pod without HTTPS serves plain requests; the port https has no endpoint for it.
    #[test]
    fn without_its_certificate_a_pod_is_still_reached_at_http() {
        let tls = json!({"proxy": {"tls": {"secretName": "t"}}});
        let service = service::build(&of(&tls, &[pod(&json!({}))]));
        assert_eq!(reached(&service, "http", &pod(&json!({}))), Some(8081));
        assert_eq!(reached(&service, "https", &pod(&json!({}))), None);
    }
}

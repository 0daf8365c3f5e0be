//! Names of the pods' ports, and which of them pods that run have.
//!
//! A name means the same in the pods of every template, of this version and of all before it:
//! `service` is the service's own port, which every pod has, and `http` is nginx's.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Container, Pod};

/// nginx's.
pub const HTTP_PORT: &str = "http";
/// nginx's, for HTTPS.
pub const HTTPS_PORT: &str = "https";
/// The service's.
pub const SERVICE_PORT: &str = "service";
/// The service's for probes and metrics.
pub const METRICS_PORT: &str = "metrics";
/// The StatsD exporter's.
pub const EXPORTER_PORT: &str = "statsd-metrics";

/// The containers that have them, as far as they run in a pod.
const OURS: [&str; 3] = ["service", "nginx", "statsd-exporter"];

/// The ports of pods that run: one map of names for each template that there are pods of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodPorts {
    staying: BTreeSet<BTreeMap<String, i32>>,
    ending: BTreeSet<BTreeMap<String, i32>>,
}

impl PodPorts {
    /// Of pods that have not finished. Of one without a port of the service nothing can be said.
    pub fn of<'a>(pods: impl IntoIterator<Item = &'a Pod>) -> Self {
        let runs = |pod: &&Pod| {
            let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
            !matches!(phase, Some("Failed" | "Succeeded"))
        };
        let mut all = Self::default();
        for pod in pods.into_iter().filter(runs) {
            let ports: BTreeMap<_, _> = named(pod).collect();
            if ports.contains_key(SERVICE_PORT) {
                let is_ending = pod.metadata.deletion_timestamp.is_some();
                if is_ending { &mut all.ending } else { &mut all.staying }.insert(ports);
            }
        }
        all
    }

    /// Has every pod that is not ending a port of this name? True where there is none.
    pub fn all_have(&self, name: &str) -> bool {
        self.staying.iter().all(|ports| ports.contains_key(name))
    }

    /// What is behind a name. An ending pod gets requests until every node has heard of its end.
    pub fn numbers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = i32> + 'a {
        self.staying.iter().chain(&self.ending).filter_map(|ports| ports.get(name).copied())
    }

    /// Is there a pod without a port of this name, ending or not?
    pub fn any_lacks(&self, name: &str) -> bool {
        self.staying.iter().chain(&self.ending).any(|ports| !ports.contains_key(name))
    }
}

/// The port of this name in one pod.
pub fn port_of(pod: &Pod, name: &str) -> Option<i32> {
    named(pod).find(|(found, _)| found == name).map(|(_, port)| port)
}

fn named(pod: &Pod) -> impl Iterator<Item = (String, i32)> {
    let containers =
        pod.spec.iter().flat_map(|spec| spec.containers.iter().chain(spec.init_containers.iter().flatten()));
    let ours = containers.filter(|container| OURS.contains(&&*container.name));
    let ports = ours.flat_map(|Container { ports, .. }| ports.iter().flatten());
    ports.filter_map(|port| Some((port.name.clone()?, port.container_port)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, from_value, json};

    fn ports(pods: Value) -> PodPorts {
        PodPorts::of(&from_value::<Vec<Pod>>(pods).unwrap())
    }

    fn pod(phase: &str, service: i32, nginx: bool) -> Value {
        let port = |name: &str, port: i32| json!({"name": name, "containerPort": port});
        let mut containers = vec![json!({"name": "service", "ports": [port("service", service)]})];
        containers.extend(nginx.then(|| json!({"name": "nginx", "ports": [port("http", 8081)]})));
        json!({"spec": {"containers": containers}, "status": {"phase": phase}})
    }

    #[test]
    fn one_pod_without_the_name_is_enough() {
        assert!(ports(json!([])).all_have("http"));
        assert!(ports(json!([pod("Running", 8080, true)])).all_have("http"));
        let both = ports(json!([pod("Running", 8080, true), pod("Pending", 8000, false)]));
        assert!(!both.all_have("http") && both.all_have("service"));
        assert_eq!(both.numbers("service").collect::<BTreeSet<_>>(), [8000, 8080].into());
    }

    /// A sidecar may have a port https of its own.
    #[test]
    fn what_others_call_their_ports_is_not_ours() {
        let mut with_sidecar = pod("Running", 8080, true);
        let sidecar = json!({"name": "envoy", "ports": [{"name": "https", "containerPort": 10_000}]});
        with_sidecar["spec"]["containers"].as_array_mut().unwrap().push(sidecar);
        assert_eq!(ports(json!([with_sidecar])).numbers("https").count(), 0);
    }

    #[test]
    fn an_ending_pod_is_reached_and_holds_nobody_up() {
        let mut ending = pod("Running", 8000, false);
        ending["metadata"] = json!({"deletionTimestamp": "2026-01-01T00:00:00Z"});
        let ports = ports(json!([pod("Running", 8080, true), ending]));
        assert!(ports.all_have("http") && ports.any_lacks("http"));
        assert_eq!(ports.numbers("service").collect::<BTreeSet<_>>(), [8000, 8080].into());
    }

    /// An evicted pod stays for days.
    #[test]
    fn a_pod_that_has_finished_or_says_nothing_decides_nothing() {
        let gone =
            json!([pod("Failed", 8000, false), pod("Succeeded", 8000, false), {"spec": {"containers": []}}]);
        assert_eq!(ports(gone), PodPorts::default());
    }
}

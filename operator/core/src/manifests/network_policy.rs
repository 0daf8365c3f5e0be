use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::{
    api::networking::v1::{
        NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer,
        NetworkPolicyPort, NetworkPolicySpec,
    },
    apimachinery::pkg::{
        apis::meta::v1::{LabelSelector, LabelSelectorRequirement},
        util::intstr::IntOrString,
    },
};

use super::{
    ports::{metrics_target, requests_target},
    statsd::EXPORTER_PORT_NUMBER,
};
use crate::{
    api::{self, PROXY_PORT, PROXY_TLS_PORT},
    model::{
        ResolvedMicroservice,
        meta::{object_meta, selector},
        ports::{EXPORTER_PORT, HTTP_PORT, HTTPS_PORT, METRICS_PORT, SERVICE_PORT},
    },
};

/// The label by which each namespace has its own name; the API server sets it.
const NAMESPACE_LABEL: &str = "kubernetes.io/metadata.name";

/// What may come in, and where the spec says so, what may go out. The kubelet's probes come from the node and
/// are always let in.
///
/// The operator itself asks the pods for their workers, so its namespace may always connect.
pub(super) fn build(resolved: &ResolvedMicroservice) -> NetworkPolicy {
    let clients = match resolved.spec.network_policy.unwrap_or_default() {
        api::NetworkPolicy::Restricted => Some(clients(resolved)),
        api::NetworkPolicy::Open | api::NetworkPolicy::Off => None,
    };
    let egress = resolved.spec.egress.as_ref();
    let egress = egress.map(|rules| std::iter::once(dns()).chain(rules.iter().cloned()).collect());
    let mut policy_types = vec!["Ingress".into()];
    policy_types.extend(egress.as_ref().map(|_: &Vec<_>| "Egress".into()));
    NetworkPolicy {
        metadata: object_meta(resolved),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(selector(resolved)),
            policy_types: Some(policy_types),
            ingress: Some(vec![
                rule(request_ports(resolved), clients),
                rule(scraped_ports(resolved), scrapers(resolved)),
            ]),
            egress,
        }),
    }
}

/// Without names nothing else could be reached. Where the servers are is the cluster's own affair.
fn dns() -> NetworkPolicyEgressRule {
    let port = |protocol: &str| NetworkPolicyPort {
        port: Some(IntOrString::Int(53)),
        protocol: Some(protocol.into()),
        ..Default::default()
    };
    NetworkPolicyEgressRule { ports: Some(vec![port("UDP"), port("TCP")]), to: None }
}

/// Those that the template has, and those that pods of another template still have. By number: not
/// every network plug-in knows the names of ports.
fn request_ports(resolved: &ResolvedMicroservice) -> Vec<IntOrString> {
    let (spec, running) = (&resolved.spec, &resolved.running);
    let http = if spec.proxy.enabled { PROXY_PORT } else { spec.port };
    let https = resolved.serves_tls().then_some(PROXY_TLS_PORT);
    let past_nginx = requests_target(resolved) == SERVICE_PORT || running.any_lacks(HTTP_PORT);
    let service = past_nginx.then(|| running.numbers(SERVICE_PORT)).into_iter().flatten();
    let of_pods = running.numbers(HTTP_PORT).chain(running.numbers(HTTPS_PORT)).chain(service);
    let extra = spec.expose.service.ports.iter();
    let extra = extra.map(|port| port.target_port.clone().unwrap_or(IntOrString::Int(port.port)));
    numbers(std::iter::once(http).chain(https), of_pods).chain(extra).collect()
}

/// The operator asks on the admin port, also where Prometheus reads from the exporter.
fn scraped_ports(resolved: &ResolvedMicroservice) -> Vec<IntOrString> {
    let (spec, running) = (&resolved.spec, &resolved.running);
    let exporter = spec.monitoring.statsd.is_some().then_some(EXPORTER_PORT_NUMBER);
    let target = metrics_target(resolved);
    let own = reads_service(resolved);
    let service = own.then(|| running.numbers(SERVICE_PORT)).into_iter().flatten();
    let of_pods = running.numbers(METRICS_PORT).chain(running.numbers(EXPORTER_PORT)).chain(service);
    let wanted = std::iter::once(spec.admin_port).chain(exporter).chain(own.then_some(spec.port));
    let named = [METRICS_PORT, EXPORTER_PORT, SERVICE_PORT].map(|name| IntOrString::String(name.into()));
    numbers(wanted, of_pods).chain((!named.contains(&target)).then_some(target)).collect()
}

/// Are the metrics on the service's own port?
pub fn reads_service(resolved: &ResolvedMicroservice) -> bool {
    metrics_target(resolved) == IntOrString::String(SERVICE_PORT.into())
}

/// First the wanted ones, then the others, each once.
fn numbers(
    wanted: impl Iterator<Item = i32>,
    of_pods: impl Iterator<Item = i32>,
) -> impl Iterator<Item = IntOrString> {
    let wanted: Vec<_> = wanted.collect();
    let others: BTreeSet<_> = of_pods.filter(|port| !wanted.contains(port)).collect();
    wanted.into_iter().chain(others).map(IntOrString::Int)
}

/// The own namespace, where requests are let in from outside their gates, and the operator.
fn clients(resolved: &ResolvedMicroservice) -> Vec<NetworkPolicyPeer> {
    let own = NetworkPolicyPeer { pod_selector: Some(LabelSelector::default()), ..Default::default() };
    let expose = &resolved.spec.expose;
    let mut gates = BTreeSet::new();
    if expose.ingress.is_some() || expose.http_route.is_some() {
        gates.extend(resolved.network.ingress_namespaces.iter());
    }
    let gateways = expose.http_route.iter().flat_map(|route| &route.parent_refs);
    gates.extend(gateways.filter_map(|gateway| gateway.namespace.as_ref()));
    gates.extend(&resolved.network.operator_namespace);
    gates.remove(&resolved.namespace);
    let gates = gates.into_iter().map(|name| namespaces(vec![name.clone()]));
    std::iter::once(own).chain(gates).collect()
}

/// Where Prometheus is, as far as the operator was told; without a word of that, everybody.
fn scrapers(resolved: &ResolvedMicroservice) -> Option<Vec<NetworkPolicyPeer>> {
    let network = &resolved.network;
    let mut names: BTreeSet<_> = network.monitoring_namespaces.iter().cloned().collect();
    if names.is_empty() {
        return None;
    }
    names.extend(network.operator_namespace.clone());
    Some(vec![namespaces(names.into_iter().collect())])
}

fn namespaces(names: Vec<String>) -> NetworkPolicyPeer {
    let mut selector = LabelSelector::default();
    match &names[..] {
        [name] => selector.match_labels = Some(BTreeMap::from([(NAMESPACE_LABEL.into(), name.clone())])),
        _ => {
            selector.match_expressions = Some(vec![LabelSelectorRequirement {
                key: NAMESPACE_LABEL.into(),
                operator: "In".into(),
                values: Some(names),
            }]);
        }
    }
    NetworkPolicyPeer { namespace_selector: Some(selector), ..Default::default() }
}

fn rule(ports: Vec<IntOrString>, from: Option<Vec<NetworkPolicyPeer>>) -> NetworkPolicyIngressRule {
    let port =
        |port| NetworkPolicyPort { port: Some(port), protocol: Some("TCP".into()), ..Default::default() };
    NetworkPolicyIngressRule { ports: Some(ports.into_iter().map(port).collect()), from }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::Network;

    /// For each port, from where it may be reached: namespaces, `.` for the own one; `*` for anywhere.
    fn reach(spec: &Value, network: Network) -> BTreeMap<String, Vec<String>> {
        let mut resolved = ResolvedMicroservice::example();
        resolved.spec = serde_json::from_value(spec.clone()).unwrap();
        resolved.network = network;
        let policy = serde_json::to_value(build(&resolved)).unwrap();
        let rules = policy["spec"]["ingress"].as_array().unwrap().clone();
        let from = |rule: &Value| match rule.get("from").and_then(Value::as_array) {
            None => vec!["*".to_owned()],
            Some(peers) => peers.iter().flat_map(names).collect(),
        };
        let ports = |rule: &Value| rule["ports"].as_array().unwrap().clone();
        rules
            .iter()
            .flat_map(|rule| ports(rule).into_iter().map(|p| (p["port"].to_string(), from(rule))))
            .collect()
    }

    fn names(peer: &Value) -> Vec<String> {
        let Some(selector) = peer.get("namespaceSelector") else { return vec![".".into()] };
        if let Some(name) = selector["matchLabels"][NAMESPACE_LABEL].as_str() {
            return vec![name.into()];
        }
        serde_json::from_value(selector["matchExpressions"][0]["values"].clone()).unwrap()
    }

    fn told() -> Network {
        Network {
            operator_namespace: Some("system".into()),
            monitoring_namespaces: vec!["monitoring".into()],
            ingress_namespaces: vec!["ingress-nginx".into()],
            ..Network::default()
        }
    }

    /// peers: openclaw-operator#341, codecentric/helm-charts#546
    #[test]
    fn prometheus_and_the_operator_reach_the_metrics_in_every_mode() {
        for mode in ["open", "restricted"] {
            let spec = json!({"networkPolicy": mode, "adminPort": 9000});
            assert_eq!(reach(&spec, told())["9000"], ["monitoring", "system"], "{mode}");
            // Where nobody said where Prometheus is, it must not be shut out.
            assert_eq!(reach(&spec, Network::default())["9000"], ["*"], "{mode}");
        }
    }

    #[test]
    fn prometheus_reaches_the_metrics_wherever_the_spec_says_they_are() {
        let at = |port: Value| {
            reach(&json!({"networkPolicy": "restricted", "monitoring": {"port": port}}), told())
        };
        for (port, open) in [(json!("service"), "8080"), (json!(8080), "8080"), (json!(9000), "9000")] {
            let reach = at(port);
            assert_eq!(reach[open], ["monitoring", "system"]);
            assert_eq!(reach["9090"], ["monitoring", "system"], "the operator asks there");
        }
        assert_eq!(at(json!("jmx"))["\"jmx\""], ["monitoring", "system"]);
    }

    #[test]
    fn open_lets_everybody_in_and_restricted_those_who_need_it() {
        assert_eq!(reach(&json!({"networkPolicy": "open"}), told())["8081"], ["*"]);
        assert_eq!(reach(&json!({"networkPolicy": "restricted"}), told())["8081"], [".", "system"]);
        let exposed = json!({"networkPolicy": "restricted", "proxy": {"enabled": false}, "expose": {
            "ingress": {},
            "httpRoute": {"parentRefs": [{"name": "edge", "namespace": "infra"}, {"name": "own"}]},
            "service": {"ports": [{"name": "grpc", "port": 9000}, {"name": "jmx", "port": 9001, "targetPort": "jmx"}]},
        }});
        let reach = reach(&exposed, told());
        for port in ["8080", "9000", "\"jmx\""] {
            assert_eq!(reach[port], [".", "infra", "ingress-nginx", "system"], "{port}");
        }
    }
}

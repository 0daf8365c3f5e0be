//! What is not as the user expects although everything was applied. It keeps nobody inside the
//! cluster from being served.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::core::DynamicObject;
use serde::Deserialize;

use crate::{
    api::{NetworkPolicy, ParentRef, Problem, ServiceType},
    manifests::{grace_period, reads_service},
    model::{Child, Kind, ResolvedMicroservice, object::part},
    observed::Observed,
    plan::Applied,
};

/// All of them, in the order of the spec's fields.
pub fn warnings(resolved: &ResolvedMicroservice, applied: &Applied, observed: &Observed) -> Vec<Problem> {
    let mut all = route(resolved, applied, observed);
    all.extend(policy(resolved));
    all.extend(end(resolved));
    all
}

/// A pod that is killed before it can have answered everything.
fn end(resolved: &ResolvedMicroservice) -> Option<Problem> {
    let needed = grace_period(resolved);
    let wanted = resolved.spec.termination_grace_period_seconds.filter(|wanted| *wanted < needed)?;
    let words = format!(
        "requests that take long may be lost when a pod ends: rollout.drain and the longest request take {needed} s, and it is killed after {wanted} s; raise it, or lower proxy.timeout or rollout.drain"
    );
    Some(Problem::warning("spec.terminationGracePeriodSeconds", words))
}

/// A policy that shuts out those whom `expose` invites.
fn policy(resolved: &ResolvedMicroservice) -> Option<Problem> {
    let expose = &resolved.spec.expose;
    let words = if resolved.spec.network_policy != Some(NetworkPolicy::Restricted) {
        return None;
    } else if expose.service.r#type != ServiceType::ClusterIP {
        "restricted shuts out what comes through expose.service's node ports and load balancer: write open"
    } else if expose.ingress.is_some() && resolved.network.ingress_namespaces.is_empty() {
        "restricted shuts out the ingress controller, for the operator was not told where it runs: name its namespace in networkPolicy.ingressNamespaces of the operator's chart, or write open"
    } else if reads_service(resolved) && resolved.network.monitoring_namespaces.is_empty() {
        "restricted shuts nobody out of the service's own port, for the metrics are there (spec.monitoring.port) and the operator was not told where Prometheus runs: name its namespace in networkPolicy.monitoringNamespaces of the operator's chart"
    } else {
        return None;
    };
    Some(Problem::warning("spec.networkPolicy", words))
}

/// The answer of one Gateway's controller to a route.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    parent_ref: ParentRef,
    #[serde(default)]
    conditions: Vec<Condition>,
}

/// A route that leads nowhere says so in its status, in its Gateways' words.
fn route(resolved: &ResolvedMicroservice, applied: &Applied, observed: &Observed) -> Vec<Problem> {
    let Some(wanted) = &resolved.spec.expose.http_route else { return Vec::new() };
    if !observed.serves(Kind::HttpRoute) {
        let words = "the cluster has no HTTPRoute: install the Gateway API's definitions; the route then follows by itself";
        return vec![Problem::warning("spec.expose.httpRoute", words)];
    }
    let Some(route) = applied.objects.get(&Child::HttpRoute) else { return Vec::new() };
    let answers: Vec<Answer> = part(route, "/status/parents").unwrap_or_default();
    let parents = wanted.parent_refs.iter().enumerate();
    parents
        .flat_map(|(index, parent)| {
            let field = format!("spec.expose.httpRoute.parentRefs[{index}]");
            refusals(route, parent, &answers, resolved)
                .into_iter()
                .map(move |words| Problem::warning(field.clone(), words))
        })
        .collect()
}

fn refusals(
    route: &DynamicObject,
    parent: &ParentRef,
    answers: &[Answer],
    resolved: &ResolvedMicroservice,
) -> Vec<String> {
    let own = &resolved.namespace;
    let gateway = format!("Gateway {}/{}", parent.namespace.as_ref().unwrap_or(own), parent.name);
    let mut answered = answers.iter().filter(|answer| is_same(&answer.parent_ref, parent, own)).peekable();
    if answered.peek().is_none() {
        return vec![format!(
            "no controller has answered for {gateway} yet: check that the Gateway exists and that the controller of its class runs"
        )];
    }
    // An answer to an older route says nothing about this one.
    let is_current = |condition: &&Condition| condition.observed_generation >= route.metadata.generation;
    let failed = |condition: &&Condition| {
        condition.status == "False" && matches!(condition.type_.as_str(), "Accepted" | "ResolvedRefs")
    };
    answered
        .flat_map(|answer| &answer.conditions)
        .filter(is_current)
        .filter(failed)
        .map(|condition| {
            format!("{gateway} does not take the route: {}: {}", condition.reason, condition.message)
        })
        .collect()
}

fn is_same(answered: &ParentRef, wanted: &ParentRef, own: &String) -> bool {
    answered.name == wanted.name
        && answered.namespace.as_ref().unwrap_or(own) == wanted.namespace.as_ref().unwrap_or(own)
        && answered.section_name == wanted.section_name
        && answered.port == wanted.port
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::api::{ServiceSettings, Severity};

    /// The warnings for a route to the Gateway `edge`, by what its status says.
    fn of(status: &Value, missing: bool) -> Vec<String> {
        let mut resolved = ResolvedMicroservice::example();
        resolved.spec.expose = serde_json::from_value(
            json!({"httpRoute": {"parentRefs": [{"name": "edge", "namespace": "infra"}]}}),
        )
        .unwrap();
        let route = json!({"metadata": {"name": "example", "generation": 2}, "status": status});
        let mut applied = Applied::default();
        applied.objects.insert(Child::HttpRoute, Arc::new(serde_json::from_value(route).unwrap()));
        let mut observed = Observed::default();
        observed.missing.extend(missing.then_some(Kind::HttpRoute));
        let found = warnings(&resolved, &applied, &observed);
        assert!(
            found
                .iter()
                .all(|p| p.severity == Severity::Warning && p.field.starts_with("spec.expose.httpRoute"))
        );
        found.into_iter().map(|problem| problem.message).collect()
    }

    fn answer(type_: &str, status: &str, generation: i64) -> Value {
        json!({"parents": [{
            "parentRef": {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "edge", "namespace": "infra"},
            "controllerName": "example.com/c",
            "conditions": [{"type": type_, "status": status, "reason": "NotAllowedByListeners", "message": "no listener for team",
                "observedGeneration": generation, "lastTransitionTime": "2026-01-01T00:00:00Z"}],
        }]})
    }

    #[test]
    fn a_pod_that_is_killed_too_early_is_told() {
        let mut resolved = ResolvedMicroservice::example();
        let needed = grace_period(&resolved);
        for (wanted, is_told) in [(None, false), (Some(needed), false), (Some(needed - 1), true)] {
            resolved.spec.termination_grace_period_seconds = wanted;
            let told = warnings(&resolved, &Applied::default(), &Observed::default());
            assert_eq!(told.len(), usize::from(is_told), "{told:?}");
        }
    }

    #[rstest]
    #[case::nobody_answered(json!({}), "no controller has answered for Gateway infra/edge yet")]
    #[case::refused(
        answer("Accepted", "False", 2),
        "Gateway infra/edge does not take the route: NotAllowedByListeners: no listener for team"
    )]
    #[case::no_backend(
        answer("ResolvedRefs", "False", 2),
        "Gateway infra/edge does not take the route: NotAllowedByListeners"
    )]
    fn a_gateway_that_does_not_take_the_route_is_named(#[case] status: Value, #[case] says: &str) {
        let found = of(&status, false);
        assert!(found.len() == 1 && found[0].starts_with(says), "{found:?}");
    }

    #[rstest]
    #[case::accepted(answer("Accepted", "True", 2))]
    #[case::about_an_older_route(answer("Accepted", "False", 1))]
    #[case::another_matter(answer("PartiallyInvalid", "False", 2))]
    fn an_accepted_route_is_no_matter(#[case] status: Value) {
        assert_eq!(of(&status, false), [""; 0]);
    }

    #[rstest]
    #[case(json!({"networkPolicy": "restricted", "expose": {"ingress": {}}}), Some("ingressNamespaces"))]
    #[case(json!({"networkPolicy": "restricted", "expose": {"service": {"type": "NodePort"}}}), Some("write open"))]
    #[case(json!({"networkPolicy": "restricted"}), None)]
    #[case(json!({"networkPolicy": "open", "expose": {"ingress": {}, "service": {"type": "NodePort"}}}), None)]
    fn a_policy_that_shuts_out_who_is_invited_is_named(#[case] spec: Value, #[case] says: Option<&str>) {
        let mut resolved = ResolvedMicroservice::example();
        resolved.spec = serde_json::from_value(spec).unwrap();
        let found = warnings(&resolved, &Applied::default(), &Observed::default());
        assert_eq!(found.len(), usize::from(says.is_some()), "{found:?}");
        assert!(found.iter().all(|problem| problem.message.contains(says.unwrap_or_default())), "{found:?}");
        resolved.network.ingress_namespaces = vec!["ingress".into()];
        resolved.spec.expose.service = ServiceSettings::default();
        assert!(warnings(&resolved, &Applied::default(), &Observed::default()).is_empty());
    }

    /// peers: envoyproxy/gateway users without its definitions, as in opentelemetry-operator#4361
    #[test]
    fn without_the_gateway_api_the_remedy_is_said() {
        let found = of(&json!({}), true);
        assert!(found.len() == 1 && found[0].contains("install the Gateway API"), "{found:?}");
    }
}

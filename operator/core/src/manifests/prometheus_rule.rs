use std::collections::BTreeMap;

use super::queries::Queries;
use crate::{
    api::{OwnRule, Rules, parse_duration},
    model::{
        ResolvedMicroservice,
        foreign::{Group, PrometheusRule, PrometheusRuleSpec},
        meta::monitoring_meta,
    },
};

/// What the default alerts take rates over.
const WINDOW: &str = "5m";

/// The default alerts, as far as they fit the image, and the user's own rules.
pub(super) fn build(resolved: &ResolvedMicroservice) -> PrometheusRule {
    let rules = resolved.spec.monitoring.rules.clone().unwrap_or_default();
    let mut all = if rules.defaults { defaults(resolved, &rules) } else { Vec::new() };
    all.extend(rules.own);
    PrometheusRule {
        metadata: monitoring_meta(resolved),
        spec: PrometheusRuleSpec {
            groups: vec![Group {
                name: format!("{}/{}", resolved.namespace, resolved.child_name),
                rules: all,
            }],
        },
    }
}

fn defaults(resolved: &ResolvedMicroservice, rules: &Rules) -> Vec<OwnRule> {
    let queries = Queries::new(resolved, WINDOW);
    let alert = |name: &str, expr: String, for_: &str, summary: &str, description: String| OwnRule {
        alert: Some(name.into()),
        record: None,
        expr,
        for_: Some(for_.into()),
        labels: texts([
            ("severity", "warning"),
            ("namespace", &resolved.namespace),
            ("microservice", &resolved.name),
        ]),
        annotations: texts([("summary", summary), ("description", &description)]),
    };
    let mut all = vec![alert(
        "MicroservicePodDown",
        queries.pods_down(),
        "5m",
        "A pod's metrics can't be read",
        format!(
            "Prometheus gets no metrics of {{{{ $labels.pod }}}}: see kubectl describe msvc {}",
            resolved.name
        ),
    )];
    // Of other images' metrics nothing is known.
    if resolved.bundled {
        let seconds = parse_duration(&rules.latency).unwrap_or_default().as_secs_f64();
        all.extend([
            alert(
                "MicroserviceErrors",
                format!("{} > {}", queries.error_share(), f64::from(rules.error_percent) / 100.0),
                "5m",
                "Too many answers are errors",
                format!("More than {} % of the answers have a status of 500 and above", rules.error_percent),
            ),
            alert(
                "MicroserviceSlow",
                format!("{} > {seconds}", queries.latency("0.99")),
                "5m",
                "Answers take too long",
                format!("One of a hundred requests takes longer than {}", rules.latency),
            ),
            alert(
                "MicroserviceQueueFull",
                format!("{} > 0", queries.refused()),
                "1m",
                "Requests are refused, as the queue is full",
                "Clients get 503: raise spec.concurrency or spec.replicas".into(),
            ),
            alert(
                "MicroserviceWorkersBusy",
                format!("{} > 0.9", queries.busy_share()),
                "10m",
                "Nearly all workers are busy",
                "Requests begin to wait: raise spec.concurrency or spec.replicas".into(),
            ),
        ]);
    }
    all
}

fn texts<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

#[cfg(test)]
mod tests {
    use super::build;
    use crate::{api::Rules, model::ResolvedMicroservice};

    fn alerts(change: impl FnOnce(&mut ResolvedMicroservice)) -> Vec<String> {
        let mut resolved = ResolvedMicroservice::example();
        resolved.spec.monitoring.rules = Some(Rules::default());
        change(&mut resolved);
        let groups = build(&resolved).spec.groups;
        groups.into_iter().flat_map(|group| group.rules).filter_map(|rule| rule.alert).collect()
    }

    #[test]
    fn an_image_of_unknown_metrics_gets_no_alert_on_them() {
        assert_eq!(alerts(|resolved| resolved.bundled = false), ["MicroservicePodDown"]);
        assert_eq!(alerts(|_| {}).len(), 5);
        assert!(
            alerts(|resolved| resolved.spec.monitoring.rules.as_mut().unwrap().defaults = false).is_empty()
        );
    }
}

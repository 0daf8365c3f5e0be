use std::collections::BTreeMap;

use kube::CustomResource;
use serde::{Deserialize, Serialize};

use super::{meta::monitoring_meta, queries::Queries};
use crate::{
    api::{OwnRule, Rules, parse_duration},
    controller::validate::Validated,
};

/// What the default alerts take rates over.
const WINDOW: &str = "5m";

/// Of the Prometheus Operator's PrometheusRule, the fields we set.
#[derive(CustomResource, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "monitoring.coreos.com",
    version = "v1",
    kind = "PrometheusRule",
    plural = "prometheusrules",
    namespaced,
    schema = "disabled",
    derive = "PartialEq"
)]
#[serde(default)]
pub struct PrometheusRuleSpec {
    /// One: ours.
    pub groups: Vec<Group>,
}

/// Rules that are evaluated together.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// In this order.
    pub rules: Vec<OwnRule>,
}

/// The default alerts, as far as they fit the image, and the user's own rules.
pub(super) fn build(validated: &Validated) -> PrometheusRule {
    let rules = validated.spec.monitoring.rules.clone().unwrap_or_default();
    let mut all = if rules.defaults { defaults(validated, &rules) } else { Vec::new() };
    all.extend(rules.own);
    PrometheusRule {
        metadata: monitoring_meta(validated),
        spec: PrometheusRuleSpec {
            groups: vec![Group {
                name: format!("{}/{}", validated.namespace, validated.child_name),
                rules: all,
            }],
        },
    }
}

fn defaults(validated: &Validated, rules: &Rules) -> Vec<OwnRule> {
    let queries = Queries::new(validated, WINDOW);
    let alert = |name: &str, expr: String, for_: &str, summary: &str, description: String| OwnRule {
        alert: Some(name.into()),
        record: None,
        expr,
        for_: Some(for_.into()),
        labels: texts([
            ("severity", "warning"),
            ("namespace", &validated.namespace),
            ("microservice", &validated.name),
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
            validated.name
        ),
    )];
    // Of other images' metrics nothing is known.
    if validated.bundled {
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
    use crate::{api::Rules, controller::validate::Validated};

    fn alerts(change: impl FnOnce(&mut Validated)) -> Vec<String> {
        let mut validated = Validated::example();
        validated.spec.monitoring.rules = Some(Rules::default());
        change(&mut validated);
        let groups = build(&validated).spec.groups;
        groups.into_iter().flat_map(|group| group.rules).filter_map(|rule| rule.alert).collect()
    }

    #[test]
    fn an_image_of_unknown_metrics_gets_no_alert_on_them() {
        assert_eq!(alerts(|validated| validated.bundled = false), ["MicroservicePodDown"]);
        assert_eq!(alerts(|_| {}).len(), 5);
        assert!(
            alerts(|validated| validated.spec.monitoring.rules.as_mut().unwrap().defaults = false).is_empty()
        );
    }
}

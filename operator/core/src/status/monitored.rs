//! Does a Prometheus take the `ServiceMonitor`? Its own word counts most
//! (`ServiceMonitor.status.bindings`, where its operator writes that); else what it selects.

use kube::{ResourceExt, core::DynamicObject};
use serde::Deserialize;

use super::verdict::Verdict;
use crate::{
    api::{Problem, Reason},
    model::{Child, Error, Kind, ResolvedMicroservice, object::part},
    observed::{Miss, Observed, Scraper, ScraperKind},
    plan::Applied,
};

/// Of those that do not select, so many are named.
const NAMED: usize = 3;

/// What one Prometheus says of a `ServiceMonitor`.
#[derive(Deserialize)]
struct Binding {
    resource: String,
    namespace: String,
    name: String,
    #[serde(default)]
    conditions: Vec<BindingCondition>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BindingCondition {
    #[serde(rename = "type")]
    type_: String,
    status: String,
    #[serde(default)]
    message: String,
    observed_generation: Option<i64>,
}

pub(super) fn monitored(resolved: &ResolvedMicroservice, applied: &Applied, observed: &Observed) -> Verdict {
    if !resolved.spec.monitoring.enabled {
        return Verdict::no(Reason::MonitoringDisabled, "spec.monitoring.enabled is false");
    }
    if !observed.serves(Kind::ServiceMonitor) {
        return Verdict::no(
            Reason::ServiceMonitorCRDMissing,
            "the cluster has no ServiceMonitor: install the Prometheus Operator; the monitor then follows by itself",
        );
    }
    if let Some(monitor) = applied.objects.get(&Child::ServiceMonitor) {
        return selected(monitor, observed);
    }
    let failure = applied.failures.iter().find(|e| e.is_about_monitoring());
    Verdict::no(Reason::ApplyFailed, failure.map(Error::words).unwrap_or_default())
}

/// The user's part of it, where there is one.
pub(super) fn unselected(verdict: &Verdict) -> Option<Problem> {
    let Verdict(_, reason, message) = verdict;
    (*reason == Reason::NoPrometheusSelects)
        .then(|| Problem::warning("spec.monitoring.labels", message.clone()))
}

/// Alerts are asked for, and the cluster does not have the kind, or no Prometheus loads them.
pub(super) fn without_rules(
    resolved: &ResolvedMicroservice,
    applied: &Applied,
    observed: &Observed,
) -> Option<Problem> {
    let is_missing =
        Child::PrometheusRule.is_wanted(&resolved.spec) && !observed.serves(Child::PrometheusRule.kind());
    let words = if is_missing {
        "the cluster has no PrometheusRule: install the Prometheus Operator; the alerts then follow by themselves".into()
    } else {
        unloaded(applied.objects.get(&Child::PrometheusRule)?, observed)?
    };
    Some(Problem::warning("spec.monitoring.rules", words))
}

/// Why no Prometheus loads the alerts; nothing if one does, or none can be seen. An agent knows no alerts.
fn unloaded(rule: &DynamicObject, observed: &Observed) -> Option<String> {
    let scrapers = &observed.scrapers;
    let namespace = rule.namespace().unwrap_or_default();
    let load = scrapers.seen().filter(|scraper| scraper.kind == ScraperKind::Prometheus);
    let reasons: Option<Vec<_>> = load
        .map(|scraper| Some((scraper, scrapers.miss(scraper, &scraper.rules, &namespace, rule.labels())?)))
        .collect();
    let reasons = reasons.filter(|reasons| !reasons.is_empty())?;
    Some(format!("no Prometheus loads the alerts; {}", remedy(&reasons)))
}

fn selected(monitor: &DynamicObject, observed: &Observed) -> Verdict {
    let namespace = monitor.namespace().unwrap_or_default();
    let scrapers = &observed.scrapers;
    let miss = |scraper| scrapers.miss(scraper, &scraper.monitors, &namespace, monitor.labels());
    // A Prometheus that stopped selecting may leave its old word behind: what it selects is asked too.
    let says: Vec<Binding> = part(monitor, "/status/bindings").unwrap_or_default();
    let says = says.iter().filter(|binding| {
        let seen = scrapers.seen().find(|scraper| binding.is_of(scraper));
        seen.is_none_or(|scraper| miss(scraper).is_none())
    });
    let said = says.filter_map(|binding| Some((binding, binding.accepted(monitor.metadata.generation)?)));
    let (yes, no): (Vec<_>, Vec<_>) = said.partition(|(_, condition)| condition.status == "True");
    if let Some((binding, _)) = yes.first() {
        let words = format!("Prometheus {} accepted the ServiceMonitor", binding.title());
        return Verdict::yes(Reason::ServiceMonitorSelected, words);
    }
    if let Some((binding, condition)) = no.first() {
        let words =
            format!("Prometheus {} refuses the ServiceMonitor: {}", binding.title(), condition.message);
        return Verdict::no(Reason::ServiceMonitorRejected, words);
    }
    let mut reasons = Vec::new();
    for scraper in scrapers.seen() {
        match miss(scraper) {
            None => {
                let words = format!("{} selects the ServiceMonitor", scraper.title());
                return Verdict::yes(Reason::ServiceMonitorSelected, words);
            }
            Some(miss) => reasons.push((scraper, miss)),
        }
    }
    if reasons.is_empty() {
        let cause = if scrapers.are_known() {
            "the cluster has no Prometheus object"
        } else {
            "the operator could not list the cluster's Prometheus objects"
        };
        let words =
            format!("the ServiceMonitor is in place; whether it is scraped can't be told, as {cause}");
        return Verdict::unknown(Reason::NoPrometheusSeen, words);
    }
    let words = format!("no Prometheus selects this; {}", remedy(&reasons));
    Verdict::no(Reason::NoPrometheusSelects, words)
}

fn remedy(reasons: &[(&Scraper, Miss)]) -> String {
    // What the user can fix by a label comes first.
    let (labels, others): (Vec<_>, Vec<_>) =
        reasons.iter().partition(|(_, miss)| matches!(miss, Miss::Labels(_)));
    let named = labels.iter().chain(&others).take(NAMED).map(|(scraper, miss)| {
        let (Miss::Labels(words) | Miss::Other(words)) = miss;
        format!("{}: {words}", scraper.title())
    });
    let named: Vec<_> = named.collect();
    let more = match reasons.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let remedy = if labels.is_empty() { "" } else { ". Set the labels in spec.monitoring.labels" };
    format!("{}{more}{remedy}", named.join("; "))
}

impl Binding {
    fn is_of(&self, scraper: &Scraper) -> bool {
        let resource = scraper.kind.resource();
        (&self.resource, &self.namespace, &self.name) == (&resource.plural, &scraper.namespace, &scraper.name)
    }

    /// Its word about this generation.
    fn accepted(&self, generation: Option<i64>) -> Option<&BindingCondition> {
        let current = |seen: Option<i64>| seen.is_none() || seen >= generation;
        self.conditions.iter().find(|c| c.type_ == "Accepted" && current(c.observed_generation))
    }

    fn title(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::observed::Scrapers;

    /// The verdict on a monitor with the label team=shop, as `status/reason`, and its words.
    fn verdict(prometheuses: &Value, bindings: &Value) -> (String, String) {
        verdict_of(Scrapers::example(prometheuses, &json!({})), bindings)
    }

    fn verdict_of(scrapers: Scrapers, bindings: &Value) -> (String, String) {
        let monitor: DynamicObject = serde_json::from_value(json!({
            "metadata": {"namespace": "shop", "name": "m", "generation": 2, "labels": {"team": "shop"}},
            "status": {"bindings": bindings},
        }))
        .unwrap();
        let objects = [(Child::ServiceMonitor, Arc::new(monitor))].into();
        let applied = Applied { objects, ..Applied::default() };
        let observed = Observed { scrapers, ..Observed::default() };
        let Verdict(status, reason, words) = monitored(&ResolvedMicroservice::example(), &applied, &observed);
        (format!("{status:?}/{}", <&str>::from(reason)), words)
    }

    fn prometheus(name: &str, labels: &Value) -> Value {
        json!({"metadata": {"namespace": "monitoring", "name": name}, "spec": {
            "serviceMonitorSelector": {"matchLabels": labels}, "serviceMonitorNamespaceSelector": {}}})
    }

    fn binding(name: &str, status: &str, generation: i64) -> Value {
        json!({"group": "monitoring.coreos.com", "resource": "prometheuses", "namespace": "monitoring", "name": name,
            "conditions": [{"type": "Accepted", "status": status, "message": "bad regex", "observedGeneration": generation}]})
    }

    /// peers: prometheus-community/helm-charts#1631, prometheus-operator#5917, kube-prometheus#1392,
    /// opentelemetry-operator#4138, k8sgpt-operator#528, opensearch-k8s-operator#572
    #[test]
    fn a_label_that_is_missing_is_named() {
        let (verdict, words) = verdict(&json!([prometheus("main", &json!({"release": "x"}))]), &json!([]));
        assert_eq!(verdict, "Some(false)/NoPrometheusSelects");
        assert_eq!(
            words,
            "no Prometheus selects this; Prometheus monitoring/main: missing label release=x. Set the labels in spec.monitoring.labels"
        );
    }

    #[test]
    fn one_that_selects_is_enough() {
        let both =
            json!([prometheus("a", &json!({"release": "x"})), prometheus("b", &json!({"team": "shop"}))]);
        let (verdict, words) = verdict(&both, &json!([]));
        assert_eq!(verdict, "Some(true)/ServiceMonitorSelected");
        assert_eq!(words, "Prometheus monitoring/b selects the ServiceMonitor");
    }

    #[test]
    fn many_that_do_not_select_are_counted() {
        let all: Vec<_> =
            (0..5).map(|i| prometheus(&format!("p{i}"), &json!({"release": i.to_string()}))).collect();
        let (_, words) = verdict(&json!(all), &json!([]));
        assert!(words.contains("monitoring/p2: missing label release=2; and 2 more. Set"), "{words}");
    }

    /// peers: prometheus-operator#3335, prometheus-operator#6802
    #[rstest]
    #[case::accepted(json!([binding("main", "True", 2)]), "Some(true)/ServiceMonitorSelected")]
    #[case::refused(json!([binding("main", "False", 2)]), "Some(false)/ServiceMonitorRejected")]
    #[case::of_an_older_generation(json!([binding("main", "False", 1)]), "Some(true)/ServiceMonitorSelected")]
    #[case::of_one_that_can_t_be_seen(json!([binding("far", "False", 2)]), "Some(false)/ServiceMonitorRejected")]
    #[case::two_words(json!([binding("far", "False", 2), binding("main", "True", 2)]), "Some(true)/ServiceMonitorSelected")]
    fn the_word_of_a_prometheus_counts_most(#[case] bindings: Value, #[case] expected: &str) {
        let list = json!([prometheus("main", &json!({"team": "shop"}))]);
        assert_eq!(verdict(&list, &bindings).0, expected);
    }

    #[test]
    fn the_old_word_of_one_that_stopped_selecting_does_not_count() {
        let list = json!([prometheus("main", &json!({"release": "x"}))]);
        let (verdict, _) = verdict(&list, &json!([binding("main", "True", 2)]));
        assert_eq!(verdict, "Some(false)/NoPrometheusSelects");
    }

    #[test]
    fn alerts_that_the_cluster_can_t_have_are_told() {
        let mut resolved = ResolvedMicroservice::example();
        let problem = |resolved: &_, observed: &_| without_rules(resolved, &Applied::default(), observed);
        let observed = Observed { missing: [Kind::PrometheusRule].into(), ..Observed::default() };
        assert_eq!(problem(&resolved, &observed), None);
        resolved.spec.monitoring.rules = Some(crate::api::Rules::default());
        assert_eq!(problem(&resolved, &observed).unwrap().field, "spec.monitoring.rules");
        assert_eq!(problem(&resolved, &Observed::default()), None);
    }

    #[rstest]
    #[case::all(json!({"ruleSelector": {}, "ruleNamespaceSelector": {}}), None)]
    #[case::label(json!({"ruleSelector": {"matchLabels": {"role": "alerts"}}, "ruleNamespaceSelector": {}}), Some("no Prometheus loads the alerts; Prometheus monitoring/main: missing label role=alerts. Set the labels in spec.monitoring.labels"))]
    #[case::none(json!({}), Some("no Prometheus loads the alerts; Prometheus monitoring/main: its ruleSelector is not set"))]
    fn alerts_that_no_prometheus_loads_are_told(#[case] spec: Value, #[case] expected: Option<&str>) {
        let rule: DynamicObject = serde_json::from_value(
            json!({"metadata": {"namespace": "shop", "name": "m", "labels": {"team": "shop"}}}),
        )
        .unwrap();
        let objects = [(Child::PrometheusRule, Arc::new(rule))].into();
        let applied = Applied { objects, ..Applied::default() };
        let list = json!([{"metadata": {"namespace": "monitoring", "name": "main"}, "spec": spec}]);
        let observed = Observed { scrapers: Scrapers::example(&list, &json!({})), ..Observed::default() };
        let problem = without_rules(&ResolvedMicroservice::example(), &applied, &observed);
        assert_eq!(problem.map(|problem| problem.message).as_deref(), expected);
    }

    #[test]
    fn where_no_prometheus_can_be_seen_nothing_is_claimed() {
        let (none, words) = verdict(&json!([]), &json!([]));
        assert_eq!(none, "None/NoPrometheusSeen");
        assert!(words.contains("no Prometheus object"), "{words}");
        let (unlisted, words) = verdict_of(Scrapers::default(), &json!([]));
        assert_eq!(unlisted, "None/NoPrometheusSeen");
        assert!(words.contains("could not list"), "{words}");
    }
}

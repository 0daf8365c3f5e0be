//! Who scrapes: the Prometheus objects of the cluster, and what of theirs decides whether they take
//! a `ServiceMonitor`. Their kinds are optional.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use kube::{
    ResourceExt,
    core::{ApiResource, DynamicObject, GroupVersionKind},
};
use strum::VariantArray;

use crate::model::{meta::MANAGED_BY, object::part};

/// Kinds of objects that select `ServiceMonitors`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr, strum::VariantArray)]
#[allow(missing_docs)] // The Prometheus Operator's own names.
pub enum ScraperKind {
    Prometheus,
    PrometheusAgent,
}

impl ScraperKind {
    /// Where the API server has it.
    pub fn resource(self) -> ApiResource {
        let (version, plural) = match self {
            Self::Prometheus => ("v1", "prometheuses"),
            Self::PrometheusAgent => ("v1alpha1", "prometheusagents"),
        };
        let kind = GroupVersionKind::gvk("monitoring.coreos.com", version, self.into());
        ApiResource::from_gvk_with_plural(&kind, plural)
    }
}

/// One Prometheus, as far as it concerns us.
#[derive(Clone, Debug, PartialEq)]
pub struct Scraper {
    /// Of which kind it is.
    pub kind: ScraperKind,
    /// Where it is.
    pub namespace: String,
    /// What it is called there.
    pub name: String,
    /// The `ServiceMonitors` that it takes.
    pub monitors: Selection,
    /// The `PrometheusRules` that it takes.
    pub rules: Selection,
}

/// Which objects of a kind a Prometheus takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// The name of the field, without its end.
    field: &'static str,
    /// By their labels; without it none is selected.
    objects: Option<LabelSelector>,
    /// By those of their namespaces; without it only its own.
    namespaces: Option<LabelSelector>,
}

impl Selection {
    fn of(object: &DynamicObject, field: &'static str) -> Self {
        let selector = |end| part(object, &format!("/spec/{field}{end}"));
        Self { field, objects: selector("Selector"), namespaces: selector("NamespaceSelector") }
    }

    fn needs_namespaces(&self) -> bool {
        self.namespaces.as_ref().is_some_and(|selector| !is_empty(selector))
    }
}

/// Why a Prometheus leaves an object alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Miss {
    /// By the object's labels, which the user can set.
    Labels(String),
    /// By its namespace, or by everything.
    Other(String),
}

/// What is known of those that scrape.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scrapers {
    /// A kind is missing here until something is known of it.
    kinds: BTreeMap<ScraperKind, KindState>,
    /// Labels of the namespaces; kept only while a Prometheus selects by them.
    namespaces: Option<BTreeMap<String, BTreeMap<String, String>>>,
}

/// What is known of a kind.
#[derive(Clone, Debug, PartialEq)]
pub enum KindState {
    /// The cluster does not have the kind.
    Undefined,
    /// These are its objects.
    Listed(Vec<Scraper>),
}

impl Scrapers {
    /// Takes in what there is of a kind.
    pub fn set_kind(&mut self, kind: ScraperKind, state: KindState) {
        self.kinds.insert(kind, state);
    }

    /// Takes in the labels of all namespaces; none where nobody follows them.
    pub fn set_namespaces(&mut self, labels: Option<BTreeMap<String, BTreeMap<String, String>>>) {
        self.namespaces = labels;
    }

    /// All that can be seen.
    pub fn seen(&self) -> impl Iterator<Item = &Scraper> {
        self.kinds.values().flat_map(|state| match state {
            KindState::Undefined => &[][..],
            KindState::Listed(scrapers) => scrapers,
        })
    }

    /// Is it known for every kind what there is, or that there is none?
    pub fn are_known(&self) -> bool {
        ScraperKind::VARIANTS.iter().all(|kind| self.kinds.contains_key(kind))
            && (self.namespaces.is_some() || !self.need_namespaces())
    }

    /// What concerns the monitors of one namespace.
    #[must_use]
    pub fn within(&self, namespace: &str) -> Self {
        let labels = self.namespaces.as_ref().map(|all| {
            all.get_key_value(namespace)
                .map(|(name, labels)| (name.clone(), labels.clone()))
                .into_iter()
                .collect()
        });
        Self { kinds: self.kinds.clone(), namespaces: labels }
    }

    /// Why `scraper` does not take an object by this selection of its own; nothing if it does.
    pub fn miss(
        &self,
        scraper: &Scraper,
        selection: &Selection,
        namespace: &str,
        labels: &BTreeMap<String, String>,
    ) -> Option<Miss> {
        let other = |words: String| Some(Miss::Other(words));
        let field = selection.field;
        let Some(objects) = &selection.objects else {
            return other(format!("its {field}Selector is not set"));
        };
        match &selection.namespaces {
            None if scraper.namespace != namespace => {
                return other(format!(
                    "it looks only into its own namespace ({field}NamespaceSelector is not set)"
                ));
            }
            Some(selector) if !is_empty(selector) => {
                let Some(labels) = self.namespaces.as_ref().and_then(|all| all.get(namespace)) else {
                    return other("it selects by the labels of namespaces, which are not known".into());
                };
                let unmet = unmet(selector, labels);
                if !unmet.is_empty() {
                    return other(format!("namespace {namespace}: {}", words(&unmet)));
                }
            }
            _ => {}
        }
        let unmet = unmet(objects, labels);
        if unmet.iter().any(|(key, _)| *key == MANAGED_BY) {
            return other(format!("{}, which the operator needs", words(&unmet)));
        }
        (!unmet.is_empty()).then(|| Miss::Labels(words(&unmet)))
    }

    /// Does one select by the labels of namespaces?
    pub fn need_namespaces(&self) -> bool {
        self.seen().any(|one| one.monitors.needs_namespaces() || one.rules.needs_namespaces())
    }
}

impl Scraper {
    /// Out of its object.
    pub fn of(kind: ScraperKind, object: &DynamicObject) -> Self {
        Self {
            kind,
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
            monitors: Selection::of(object, "serviceMonitor"),
            rules: Selection::of(object, "rule"),
        }
    }

    /// For people.
    pub fn title(&self) -> String {
        format!("{} {}/{}", <&str>::from(self.kind), self.namespace, self.name)
    }
}

fn is_empty(selector: &LabelSelector) -> bool {
    selector.match_labels.as_ref().is_none_or(BTreeMap::is_empty)
        && selector.match_expressions.as_ref().is_none_or(Vec::is_empty)
}

/// What of a selector the labels do not meet: each label, and what is wrong with it.
fn unmet<'a>(selector: &'a LabelSelector, labels: &BTreeMap<String, String>) -> Vec<(&'a str, String)> {
    let equal = selector.match_labels.iter().flatten();
    let equal = equal.filter(|(key, value)| labels.get(*key) != Some(value));
    let equal = equal.map(|(key, value)| (key.as_str(), format!("missing label {key}={value}")));
    let expressions = selector.match_expressions.iter().flatten();
    equal
        .chain(expressions.filter_map(|one| Some((one.key.as_str(), unmet_expression(one, labels)?))))
        .collect()
}

fn words(unmet: &[(&str, String)]) -> String {
    let words: Vec<_> = unmet.iter().map(|(_, words)| words.as_str()).collect();
    words.join(", ")
}

fn unmet_expression(one: &LabelSelectorRequirement, labels: &BTreeMap<String, String>) -> Option<String> {
    let LabelSelectorRequirement { key, operator, values } = one;
    let has = labels.get(key);
    let values = values.as_deref().unwrap_or_default();
    let listed = has.is_some_and(|value| values.contains(value));
    match (operator.as_str(), values) {
        ("In", [value]) if !listed => Some(format!("missing label {key}={value}")),
        ("In", _) if !listed => Some(format!("missing label {key} with one of {}", values.join(", "))),
        ("Exists", _) if has.is_none() => Some(format!("missing label {key}")),
        ("NotIn", _) if listed => Some(format!("label {key} must not be {}", values.join(", "))),
        ("DoesNotExist", _) if has.is_some() => Some(format!("label {key} must not be there")),
        _ => None,
    }
}

#[cfg(test)]
impl Scrapers {
    /// Those of one list of Prometheus objects, and nothing else.
    pub(crate) fn example(list: &serde_json::Value, namespaces: &serde_json::Value) -> Self {
        let objects: Vec<DynamicObject> = serde_json::from_value(list.clone()).unwrap();
        let all = objects.iter().map(|object| Scraper::of(ScraperKind::Prometheus, object)).collect();
        Self {
            kinds: [
                (ScraperKind::Prometheus, KindState::Listed(all)),
                (ScraperKind::PrometheusAgent, KindState::Undefined),
            ]
            .into(),
            namespaces: serde_json::from_value(namespaces.clone()).unwrap(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::{Value, json};

    fn scrapers(spec: &Value, namespaces: &Value) -> Scrapers {
        Scrapers::example(
            &json!([{"metadata": {"namespace": "monitoring", "name": "main"}, "spec": spec}]),
            namespaces,
        )
    }

    const ALL: fn() -> Value = || json!({});

    #[rstest]
    #[case::everything(json!({"serviceMonitorSelector": ALL(), "serviceMonitorNamespaceSelector": ALL()}), None)]
    #[case::nothing(json!({"serviceMonitorNamespaceSelector": ALL()}), Some(Miss::Other("its serviceMonitorSelector is not set".into())))]
    #[case::its_own_namespace(json!({"serviceMonitorSelector": ALL()}), Some(Miss::Other("it looks only into its own namespace (serviceMonitorNamespaceSelector is not set)".into())))]
    #[case::label(json!({"serviceMonitorSelector": {"matchLabels": {"release": "x"}}, "serviceMonitorNamespaceSelector": ALL()}), Some(Miss::Labels("missing label release=x".into())))]
    #[case::label_of_ours(json!({"serviceMonitorSelector": {"matchLabels": {"app.kubernetes.io/managed-by": "helm"}}, "serviceMonitorNamespaceSelector": ALL()}), Some(Miss::Other("missing label app.kubernetes.io/managed-by=helm, which the operator needs".into())))]
    #[case::met_label(json!({"serviceMonitorSelector": {"matchLabels": {"team": "shop"}}, "serviceMonitorNamespaceSelector": ALL()}), None)]
    #[case::expressions(json!({"serviceMonitorSelector": {"matchExpressions": [
        {"key": "team", "operator": "In", "values": ["a", "b"]}, {"key": "release", "operator": "In", "values": ["x"]},
        {"key": "tier", "operator": "Exists"}, {"key": "team", "operator": "NotIn", "values": ["shop"]},
        {"key": "team", "operator": "DoesNotExist"}]}, "serviceMonitorNamespaceSelector": ALL()}),
        Some(Miss::Labels("missing label team with one of a, b, missing label release=x, missing label tier, label team must not be shop, label team must not be there".into())))]
    #[case::met_expressions(json!({"serviceMonitorSelector": {"matchExpressions": [
        {"key": "team", "operator": "In", "values": ["shop", "b"]}, {"key": "team", "operator": "Exists"},
        {"key": "tier", "operator": "NotIn", "values": ["a"]}, {"key": "tier", "operator": "DoesNotExist"}]}, "serviceMonitorNamespaceSelector": ALL()}), None)]
    #[case::namespace_label(json!({"serviceMonitorSelector": ALL(), "serviceMonitorNamespaceSelector": {"matchLabels": {"env": "prod"}}}), Some(Miss::Other("namespace shop: missing label env=prod".into())))]
    #[case::met_namespace_label(json!({"serviceMonitorSelector": ALL(), "serviceMonitorNamespaceSelector": {"matchLabels": {"env": "dev"}}}), None)]
    fn a_selection_is_prometheus_own(#[case] spec: Value, #[case] expected: Option<Miss>) {
        let scrapers = scrapers(&spec, &json!({"shop": {"env": "dev"}}));
        let labels = BTreeMap::from([("team".to_owned(), "shop".to_owned())]);
        let scraper = scrapers.seen().next().unwrap();
        let miss = scrapers.miss(scraper, &scraper.monitors, "shop", &labels);
        assert_eq!(miss, expected);
    }

    #[test]
    fn namespaces_are_needed_only_where_their_labels_select() {
        let none = json!(null);
        assert!(!scrapers(&json!({"serviceMonitorNamespaceSelector": {}}), &none).need_namespaces());
        assert!(!scrapers(&json!({}), &none).need_namespaces());
        let by_label = json!({"serviceMonitorNamespaceSelector": {"matchLabels": {"a": "b"}}});
        assert!(scrapers(&by_label, &none).need_namespaces());
        assert!(!scrapers(&by_label, &none).are_known());
        assert!(scrapers(&by_label, &json!({})).are_known());
    }
}

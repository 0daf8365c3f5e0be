//! Who scrapes: the Prometheus objects of the cluster, and what of theirs decides whether they take
//! a `ServiceMonitor`. Their kinds are optional, and watched while they are there.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::{
    api::core::v1::Namespace,
    apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement},
};
use kube::{
    Api, Client, ResourceExt,
    api::{ApiResource, DynamicObject},
    core::{GroupVersionKind, PartialObjectMeta},
    runtime::watcher::Event,
};
use strum::VariantArray;
use tokio::sync::watch;

use super::{
    definitions::watch_definition,
    scope::Scope,
    store::part,
    watches::{Selection, each_event},
};
use crate::metrics::Metrics;

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
    /// Selects `ServiceMonitors` by their labels; without it none is selected.
    monitors: Option<LabelSelector>,
    /// Selects their namespaces; without it only its own.
    namespaces: Option<LabelSelector>,
}

/// Why a Prometheus leaves a `ServiceMonitor` alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Miss {
    /// By the monitor's labels, which the user can set.
    Labels(String),
    /// By its namespace, or by everything.
    Other(String),
}

/// What is known of those that scrape.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scrapers {
    /// A kind is missing here until something is known of it.
    kinds: BTreeMap<ScraperKind, Sight>,
    /// Labels of the namespaces; kept only while a Prometheus selects by them.
    namespaces: Option<BTreeMap<String, BTreeMap<String, String>>>,
}

#[derive(Clone, Debug, PartialEq)]
enum Sight {
    /// The cluster does not have the kind.
    Undefined,
    Listed(Vec<Scraper>),
}

impl Scrapers {
    /// All that can be seen.
    pub fn seen(&self) -> impl Iterator<Item = &Scraper> {
        self.kinds.values().flat_map(|sight| match sight {
            Sight::Undefined => &[][..],
            Sight::Listed(scrapers) => scrapers,
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

    /// Why `scraper` does not select a monitor; nothing if it does.
    pub fn miss(
        &self,
        scraper: &Scraper,
        namespace: &str,
        labels: &BTreeMap<String, String>,
    ) -> Option<Miss> {
        let other = |words: &str| Some(Miss::Other(words.to_owned()));
        let Some(monitors) = &scraper.monitors else { return other("its serviceMonitorSelector is not set") };
        match &scraper.namespaces {
            None if scraper.namespace != namespace => {
                return other(
                    "it looks only into its own namespace (serviceMonitorNamespaceSelector is not set)",
                );
            }
            Some(selector) if !is_empty(selector) => {
                let Some(labels) = self.namespaces.as_ref().and_then(|all| all.get(namespace)) else {
                    return other("it selects by the labels of namespaces, which are not known");
                };
                if let Some(words) = unmet(selector, labels) {
                    return Some(Miss::Other(format!("namespace {namespace}: {words}")));
                }
            }
            _ => {}
        }
        unmet(monitors, labels).map(Miss::Labels)
    }

    fn need_namespaces(&self) -> bool {
        self.seen().any(|scraper| scraper.namespaces.as_ref().is_some_and(|selector| !is_empty(selector)))
    }
}

impl Scraper {
    fn of(kind: ScraperKind, object: &DynamicObject) -> Self {
        Self {
            kind,
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
            monitors: part(object, "/spec/serviceMonitorSelector"),
            namespaces: part(object, "/spec/serviceMonitorNamespaceSelector"),
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

/// What of a selector the labels do not meet, in words.
fn unmet(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> Option<String> {
    let equal = selector.match_labels.iter().flatten();
    let equal = equal.filter(|(key, value)| labels.get(*key) != Some(value));
    let mut words: Vec<_> = equal.map(|(key, value)| format!("missing label {key}={value}")).collect();
    words.extend(selector.match_expressions.iter().flatten().filter_map(|one| unmet_expression(one, labels)));
    (!words.is_empty()).then(|| words.join(", "))
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

/// Starts the watches; the receiver changes when something did that a selection depends on. A
/// Prometheus may be in any namespace: an operator of some of them does not look, and knows nothing.
pub fn watch_scrapers(client: &Client, metrics: &Arc<Metrics>, scope: &Scope) -> watch::Receiver<Scrapers> {
    let (send, receive) = watch::channel(Scrapers::default());
    let send = Arc::new(send);
    if !scope.is_cluster() {
        return receive;
    }
    for kind in ScraperKind::VARIANTS {
        let (defined, is_defined) = watch::channel(false);
        let told = send.clone();
        let found = move |found| {
            defined.send_if_modified(|before| std::mem::replace(before, found) != found);
            if !found {
                tell(&told, |scrapers| {
                    scrapers.kinds.insert(*kind, Sight::Undefined);
                });
            }
        };
        tokio::spawn(watch_definition(kind.resource(), client.clone(), metrics.clone(), found));
        tokio::spawn(watch_kind(*kind, client.clone(), metrics.clone(), is_defined, send.clone()));
    }
    tokio::spawn(watch_namespaces(client.clone(), metrics.clone(), send));
    receive
}

async fn watch_kind(
    kind: ScraperKind,
    client: Client,
    metrics: Arc<Metrics>,
    mut defined: watch::Receiver<bool>,
    send: Arc<watch::Sender<Scrapers>>,
) {
    let api = Api::<DynamicObject>::all_with(client, &kind.resource());
    let mut goes = defined.clone();
    while defined.wait_for(|defined| *defined).await.is_ok() {
        let mut found = Listing::default();
        let handle = |event| {
            let of = |object: &DynamicObject| Scraper::of(kind, object);
            if let Some(all) = found.handle(event, of) {
                let all = all.values().cloned().collect();
                tell(&send, |scrapers| {
                    scrapers.kinds.insert(kind, Sight::Listed(all));
                });
            }
        };
        tokio::select! {
            () = each_event(api.clone(), kind.into(), Selection::All, &metrics, handle) => {}
            gone = goes.wait_for(|defined| !*defined) => if gone.is_err() { return },
        }
    }
}

/// While a Prometheus selects by them.
async fn watch_namespaces(client: Client, metrics: Arc<Metrics>, send: Arc<watch::Sender<Scrapers>>) {
    let api = Api::<PartialObjectMeta<Namespace>>::all(client);
    let (mut wants, mut leaves) = (send.subscribe(), send.subscribe());
    while wants.wait_for(Scrapers::need_namespaces).await.is_ok() {
        let mut found = Listing::default();
        let handle = |event| {
            let of = |object: &PartialObjectMeta<Namespace>| object.labels().clone();
            if let Some(all) = found.handle(event, of) {
                let all = all.iter().map(|((_, name), labels)| (name.clone(), labels.clone())).collect();
                tell(&send, |scrapers| scrapers.namespaces = Some(all));
            }
        };
        tokio::select! {
            () = each_event(api.clone(), "Namespace", Selection::All, &metrics, handle) => {}
            gone = leaves.wait_for(|scrapers| !scrapers.need_namespaces()) => if gone.is_err() { return },
        }
        tell(&send, |scrapers| scrapers.namespaces = None);
    }
}

fn tell(send: &watch::Sender<Scrapers>, change: impl FnOnce(&mut Scrapers)) {
    send.send_if_modified(|scrapers| {
        let before = scrapers.clone();
        change(scrapers);
        *scrapers != before
    });
}

/// What is kept of the objects of a watch, by namespace and name.
struct Listing<V> {
    found: BTreeMap<(String, String), V>,
    /// While all are listed anew.
    listing: BTreeMap<(String, String), V>,
}

impl<V> Default for Listing<V> {
    fn default() -> Self {
        Self { found: BTreeMap::new(), listing: BTreeMap::new() }
    }
}

impl<V> Listing<V> {
    /// Gives all where the event may have changed something.
    fn handle<K: kube::Resource>(
        &mut self,
        event: Event<K>,
        keep: impl Fn(&K) -> V,
    ) -> Option<&BTreeMap<(String, String), V>> {
        let name = |object: &K| (object.namespace().unwrap_or_default(), object.name_any());
        match event {
            Event::Init => {
                self.listing.clear();
                return None;
            }
            Event::InitApply(object) => {
                self.listing.insert(name(&object), keep(&object));
                return None;
            }
            Event::InitDone => self.found = std::mem::take(&mut self.listing),
            Event::Apply(object) => {
                self.found.insert(name(&object), keep(&object));
            }
            Event::Delete(object) => {
                self.found.remove(&name(&object));
            }
        }
        Some(&self.found)
    }
}

#[cfg(test)]
impl Scrapers {
    /// Those of one list of Prometheus objects, and nothing else.
    pub(super) fn example(list: &serde_json::Value, namespaces: &serde_json::Value) -> Self {
        let objects: Vec<DynamicObject> = serde_json::from_value(list.clone()).unwrap();
        let all = objects.iter().map(|object| Scraper::of(ScraperKind::Prometheus, object)).collect();
        Self {
            kinds: [
                (ScraperKind::Prometheus, Sight::Listed(all)),
                (ScraperKind::PrometheusAgent, Sight::Undefined),
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
        let miss = scrapers.miss(scrapers.seen().next().unwrap(), "shop", &labels);
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

    #[test]
    fn a_list_counts_when_it_is_whole() {
        let (mut listing, of) = (Listing::default(), |object: &DynamicObject| object.name_any());
        let object = |name: &str| DynamicObject::new(name, &ScraperKind::Prometheus.resource());
        assert!(listing.handle(Event::Apply(object("a")), of).is_some());
        assert!(listing.handle(Event::Init, of).is_none());
        assert!(listing.handle(Event::InitApply(object("b")), of).is_none());
        let found = listing.handle(Event::InitDone, of).unwrap();
        assert_eq!(found.values().collect::<Vec<_>>(), ["b"]);
        assert!(listing.handle(Event::Delete(object("b")), of).unwrap().is_empty());
    }
}

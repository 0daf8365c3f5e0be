//! What only an operator of the whole cluster looks at: who scrapes, and which kinds there are.

use std::sync::Arc;

use anyhow::{Context, Result};
use e2e::{Case, Reach, Rights, counted, forbidden, wait};
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api,
    api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams},
    core::GroupVersionKind,
};
use operator::{
    cluster::watch::{self, WatchScope},
    process::metrics::Metrics,
};
use operator_core::model::Kind;
use serde_json::json;

use super::refused::{Refused, refused, without};

const RESOURCES: [&str; 4] = ["prometheuses", "prometheusagents", "namespaces", "customresourcedefinitions"];

pub fn rights() -> Vec<String> {
    ["list", "watch"].into_iter().flat_map(of_all).collect()
}

fn of_all(verb: &str) -> Vec<String> {
    RESOURCES.map(|resource| format!("{verb} {resource}")).into()
}

/// The watches of operators that stand by, each without some rights.
pub struct Watches {
    whole: Watching,
    without_prometheuses: Watching,
    without_agents_and_namespaces: Watching,
    without_definitions: Watching,
    without_watch: Watching,
}

struct Watching {
    removed: Vec<String>,
    watches: watch::Watches,
    metrics: Arc<Metrics>,
}

impl Watches {
    pub async fn start(case: &Case, rights: &Rights) -> Result<Self> {
        // Without pods: they only have to select.
        for (kind, name) in [("Prometheus", "first"), ("PrometheusAgent", "agent")] {
            select(case, kind, name).await?;
        }
        let start = async |name: &str, removed: &[&str]| {
            Watching::start(case, name, rights, removed.iter().map(ToString::to_string).collect()).await
        };
        let watches = of_all("watch");
        let watches: Vec<_> = watches.iter().map(String::as_str).collect();
        Ok(Self {
            whole: start("whole", &[]).await?,
            without_prometheuses: start("without-prometheuses", &["list prometheuses"]).await?,
            without_agents_and_namespaces: start(
                "without-agents",
                &["list prometheusagents", "list namespaces"],
            )
            .await?,
            without_definitions: start("without-definitions", &["list customresourcedefinitions"]).await?,
            without_watch: start("without-watch", &watches).await?,
        })
    }

    /// HTTPRoute's definition came since they were started.
    pub async fn check(&self, case: &Case) -> Result<()> {
        let Self {
            whole,
            without_prometheuses,
            without_agents_and_namespaces: without_agents,
            without_definitions,
            without_watch,
        } = self;
        try_join_all(
            [without_prometheuses, without_agents, without_definitions, without_watch].map(Watching::refused),
        )
        .await?;
        whole.sees(case, &["Prometheus/first", "PrometheusAgent/agent"]).await?;
        // What comes now, a watch alone tells.
        for (kind, name) in [("Prometheus", "late"), ("PrometheusAgent", "late-agent")] {
            select(case, kind, name).await?;
        }
        label(case).await?;
        whole
            .sees(
                case,
                &[
                    "Prometheus/first",
                    "Prometheus/late",
                    "PrometheusAgent/agent",
                    "PrometheusAgent/late-agent",
                ],
            )
            .await?;
        wait::until("the namespace's label to be seen", wait::SHORT, async || {
            Ok(whole.miss(case, "first").is_none().then_some(()))
        })
        .await?;
        wait::until("HTTPRoute to be seen", wait::SHORT, async || {
            Ok(whole.knows(Kind::HttpRoute).then_some(()))
        })
        .await?;

        assert_eq!(without_prometheuses.seen(case), ["PrometheusAgent/agent", "PrometheusAgent/late-agent"]);
        assert_eq!(without_agents.seen(case), ["Prometheus/first", "Prometheus/late"]);
        let words = without_agents.miss(case, "first").context("selected by labels that can't be known")?;
        assert!(words.contains("labels of namespaces, which are not known"), "{words}");
        assert_eq!(without_definitions.seen(case), [""; 0]);
        assert!(!without_definitions.knows(Kind::ServiceMonitor), "a kind is known");
        assert_eq!(without_watch.seen(case), ["Prometheus/first", "PrometheusAgent/agent"]);
        assert!(without_watch.miss(case, "first").is_some(), "a label of a namespace is known");
        assert!(without_watch.knows(Kind::ServiceMonitor), "what was there is known");
        assert!(!without_watch.knows(Kind::HttpRoute), "a kind that came is known");
        assert_eq!(forbidden(&whole.metrics), Refused::new(), "refused with all the chart's rights");
        Ok(())
    }
}

impl Watching {
    async fn start(case: &Case, name: &str, rights: &Rights, removed: Vec<String>) -> Result<Self> {
        let account = case.account(name, Reach::Cluster, &without(rights, &removed)).await?;
        let metrics = Arc::new(Metrics::new()?);
        let client = counted(account.config().await?, &metrics)?;
        let watches =
            watch::Watches::start(&client, &metrics, &WatchScope { secrets: true, ..WatchScope::default() });
        watches.stores.ready().await;
        Ok(Self { removed, watches, metrics })
    }

    /// Waits until it was refused all that it may not, and nothing else.
    async fn refused(&self) -> Result<()> {
        refused(|| forbidden(&self.metrics), &Refused::new(), self.removed.clone()).await?;
        let mut removed = self.removed.clone();
        removed.sort();
        assert_eq!(forbidden(&self.metrics).into_keys().collect::<Vec<_>>(), removed);
        Ok(())
    }

    /// `KIND/NAME` of each that it sees in the test's namespace, in order.
    fn seen(&self, case: &Case) -> Vec<String> {
        let scrapers = self.watches.scrapers.borrow();
        let here = scrapers.seen().filter(|scraper| scraper.namespace == case.namespace);
        let mut names: Vec<_> =
            here.map(|scraper| format!("{}/{}", <&str>::from(scraper.kind), scraper.name)).collect();
        names.sort();
        names
    }

    async fn sees(&self, case: &Case, names: &[&str]) -> Result<()> {
        wait::until(&format!("{names:?} to be seen"), wait::SHORT, async || {
            Ok((self.seen(case) == names).then_some(()))
        })
        .await
    }

    /// Why a Prometheus of the test's namespace would not select there, in words.
    fn miss(&self, case: &Case, name: &str) -> Option<String> {
        let scrapers = self.watches.scrapers.borrow();
        let scraper = scrapers.seen().find(|s| s.namespace == case.namespace && s.name == name)?;
        scrapers.miss(scraper, &scraper.monitors, &case.namespace, &[].into()).map(|miss| format!("{miss:?}"))
    }

    fn knows(&self, kind: Kind) -> bool {
        !self.watches.missing.borrow().contains(&kind)
    }
}

/// One that selects in namespaces with the label that [`label`] gives.
async fn select(case: &Case, kind: &str, name: &str) -> Result<()> {
    let (version, plural) = match kind {
        "Prometheus" => ("v1", "prometheuses"),
        _ => ("v1alpha1", "prometheusagents"),
    };
    let gvk = GroupVersionKind::gvk("monitoring.coreos.com", version, kind);
    let resource = ApiResource::from_gvk_with_plural(&gvk, plural);
    let object: DynamicObject = serde_json::from_value(json!({
        "apiVersion": resource.api_version, "kind": kind, "metadata": { "name": name },
        "spec": { "replicas": 0, "serviceMonitorSelector": {},
            "serviceMonitorNamespaceSelector": { "matchLabels": { "example.com/scraped": "yes" } } },
    }))?;
    case.dynamic(&resource).create(&PostParams::default(), &object).await?;
    Ok(())
}

async fn label(case: &Case) -> Result<()> {
    let label = json!({ "metadata": { "labels": { "example.com/scraped": "yes" } } });
    let namespaces: Api<Namespace> = Api::all(case.client.clone());
    namespaces.patch(&case.namespace, &PatchParams::default(), &Patch::Merge(label)).await?;
    Ok(())
}

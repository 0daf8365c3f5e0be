//! What an operator does in a namespace: with all its rights, and without some of them for a while.

use anyhow::{Context, Result};
use e2e::{Account, Case, OwnOperator, Reach, Rights, message, wait};
use k8s_openapi::{
    api::{core::v1::Pod, events::v1::Event},
    apimachinery::pkg::api::resource::Quantity,
};
use kube::api::{DeleteParams, ListParams};
use operator_core::{api::Microservice, model::Kind};
use serde_json::json;

use super::{
    kinds, listed, pods,
    refused::{Refused, refused, without},
    watched,
};

/// Its revisions and its status are looked at.
const REVISED: Kind = Kind::ControllerRevision;

/// What it tells.
pub fn rights() -> impl Iterator<Item = String> {
    let rights = ["patch microservices/status", "create events", "patch events"];
    rights.into_iter().map(Into::into)
}

pub async fn check(case: &Case, rights: &Rights) -> Result<()> {
    let account = case.account("operator", Reach::Namespace, rights).await?;
    let operator = case.start_operator_as(account.config().await?, case.operator_settings()?)?;
    let admin_port = pods::admin_port().await?;
    let scene = Scene { case, account, rights, operator, admin_port };
    scene.with_all().await.context("with all the chart's rights")?;
    scene.without_events().await.context("without list events")?;
    scene.without_get().await.context("without get")?;
    scene.without_create().await.context("without create")?;
    scene.without_patch().await.context("without patch")?;
    scene.without_delete().await.context("without delete")?;
    let Scene { operator, .. } = scene;
    operator.stop().await?;
    for name in [pods::LAGGING, pods::RESIZED] {
        pods::delete(case, name).await?;
    }
    watched::check(case, rights).await?;
    listed::check(case, rights).await
}

/// Kinds whose objects are compared with what is wanted; of revisions only the names are.
fn compared() -> Vec<Kind> {
    kinds::ALL.iter().copied().filter(|kind| *kind != REVISED).collect()
}

struct Scene<'a> {
    case: &'a Case,
    account: Account<'a>,
    rights: &'a Rights,
    operator: OwnOperator,
    admin_port: u16,
}

impl Scene<'_> {
    /// Everything comes, goes and comes again, and nothing is refused.
    async fn with_all(&self) -> Result<()> {
        let case = self.case;
        for kind in kinds::ALL {
            kinds::apply(case, *kind, kinds::with(*kind)).await?;
        }
        case.apply(pods::LAGGING, pods::lagging(self.admin_port)).await?;
        case.apply(pods::RESIZED, pods::resized(self.admin_port, "8Mi")).await?;
        kinds::wait_for(case, kinds::ALL, kinds::count_with).await?;
        for name in [pods::LAGGING, pods::RESIZED] {
            pods::start(case, name, name).await?;
        }
        pods::told(case, pods::LAGGING).await?;
        self.resizes("64Mi").await?;
        kinds::change(case, &compared()).await?;
        kinds::wait_for_repair(case, &compared()).await?;
        let deleted = kinds::deleted();
        for kind in &deleted {
            kinds::apply(case, *kind, kinds::without(*kind)).await?;
        }
        kinds::wait_for(case, &deleted, kinds::count_without).await?;
        for kind in &deleted {
            kinds::apply(case, *kind, kinds::with(*kind)).await?;
        }
        kinds::wait_for(case, kinds::ALL, kinds::count_with).await?;
        self.repairs(Kind::ServiceMonitor, 2).await?;
        assert_eq!(self.operator.forbidden(), Refused::new());
        Ok(())
    }

    /// Why a pod does not get ready is not said, and all else works.
    async fn without_events(&self) -> Result<()> {
        let case = self.case;
        let removed = vec!["list events".to_owned()];
        let before = self.lose(&removed).await?;
        let words = "no such volume";
        // A pod that no scheduler looks at says nothing, either.
        let nobody = json!({ "replicas": 1, "podTemplate": { "spec": { "schedulerName": "nobody" } } });
        let generation = case.apply(pods::SILENT, kinds::spec(nobody)).await?.metadata.generation;
        wait::found(&case.api::<Microservice>(), pods::SILENT, "a status", wait::LONG, |found| {
            found.status.as_ref().map(|status| status.observed_generation) == generation
        })
        .await?;
        pods::complain(case, words).await?;
        refused(|| self.operator.forbidden(), &before, removed).await?;
        let found = case.api::<Microservice>().get(pods::SILENT).await?;
        assert!(!message(&found, "Ready").contains(words), "it was said");
        self.account.may(self.rights).await?;
        // What is known of a pod is not asked for again so soon.
        pods::delete(case, pods::SILENT).await?;
        pods::complain(case, words).await?;
        wait::found(&case.api::<Microservice>(), pods::SILENT, words, wait::LONG, |found| {
            message(found, "Ready").contains(words)
        })
        .await?;
        case.api::<Microservice>().delete(pods::SILENT, &DeleteParams::default()).await?;
        pods::delete(case, pods::SILENT).await
    }

    /// What somebody deleted doesn't come back, and of revisions none can be compared. An Event that is
    /// repeated is not counted.
    async fn without_get(&self) -> Result<()> {
        let case = self.case;
        let others = compared();
        let removed = [kinds::of("get", kinds::ALL), vec!["patch events".into()]].concat();
        let before = self.lose(&removed).await?;
        kinds::delete(case, &others).await?;
        let generation = self.revise().await?;
        self.spoil(Kind::Service).await?;
        self.spoil(Kind::Service).await?;
        refused(|| self.operator.forbidden(), &before, removed).await?;
        for kind in &others {
            assert!(kinds::objects(case, *kind).await?.is_empty(), "{} came back", kinds::name(*kind));
        }
        assert!(self.observed().await? < generation, "revised");
        assert_eq!(self.repetitions(Kind::Service).await?, Some(0), "repetitions that are counted");
        self.account.may(self.rights).await?;
        kinds::wait_for(case, &others, kinds::count_with).await?;
        self.spoil(Kind::Service).await?;
        wait::until("a repetition to be counted", wait::LONG, async || {
            Ok((self.repetitions(Kind::Service).await? > Some(0)).then_some(()))
        })
        .await?;
        self.observes(generation).await
    }

    /// Nothing comes that is not there, and no Event.
    async fn without_create(&self) -> Result<()> {
        let case = self.case;
        let events = "create events".to_owned();
        let before = self.lose(&[kinds::of("create", kinds::ALL), vec![events.clone()]].concat()).await?;
        kinds::delete(case, kinds::ALL).await?;
        self.spoil(Kind::ConfigMap).await?;
        // An object that is applied is asked for as a patch.
        refused(
            || self.operator.forbidden(),
            &before,
            [kinds::of("patch", kinds::ALL), vec![events]].concat(),
        )
        .await?;
        for kind in kinds::ALL {
            assert!(kinds::objects(case, *kind).await?.is_empty(), "{} came back", kinds::name(*kind));
        }
        assert_eq!(self.repetitions(Kind::ConfigMap).await?, None, "an Event");
        self.account.may(self.rights).await?;
        kinds::wait_for(case, kinds::ALL, kinds::count_with).await
    }

    /// Nothing is set right, no status is told, no pod is touched.
    async fn without_patch(&self) -> Result<()> {
        let case = self.case;
        let rest =
            ["microservices/status", "pods", "pods/resize"].map(|resource| format!("patch {resource}"));
        let removed = [&kinds::of("patch", kinds::ALL)[..], &rest].concat();
        let before = self.lose(&removed).await?;
        let others = compared();
        let revisions = kinds::objects(case, REVISED).await?.len();
        kinds::change(case, &others).await?;
        let generation = self.revise().await?;
        pods::forget(case, pods::LAGGING).await?;
        case.apply(pods::RESIZED, pods::resized(self.admin_port, "9Mi")).await?;
        refused(|| self.operator.forbidden(), &before, removed).await?;
        for kind in &others {
            let objects = kinds::objects(case, *kind).await?;
            assert!(objects.iter().all(kinds::is_spoilt), "{} was set right", kinds::name(*kind));
        }
        assert_eq!(kinds::objects(case, REVISED).await?.len(), revisions, "a revision was written");
        assert!(self.observed().await? < generation, "a status was told");
        assert!(
            !pods::is_told(&case.api::<Pod>().get(&pods::pod_of(pods::LAGGING)).await?),
            "a pod was told"
        );
        self.account.may(self.rights).await?;
        kinds::wait_for_repair(case, &others).await?;
        self.observes(generation).await?;
        pods::told(case, pods::LAGGING).await?;
        self.resizes("68Mi").await
    }

    /// What is not asked for any more stays.
    async fn without_delete(&self) -> Result<()> {
        let (case, deleted) = (self.case, kinds::deleted());
        let removed = kinds::of("delete", &deleted);
        let before = self.lose(&removed).await?;
        for kind in &deleted {
            kinds::apply(case, *kind, kinds::without(*kind)).await?;
        }
        refused(|| self.operator.forbidden(), &before, removed).await?;
        for kind in &deleted {
            let count = kinds::objects(case, *kind).await?.len();
            assert!(count > kinds::count_without(*kind), "{} was deleted", kinds::name(*kind));
        }
        self.account.may(self.rights).await?;
        kinds::wait_for(case, &deleted, kinds::count_without).await?;
        for kind in &deleted {
            kinds::apply(case, *kind, kinds::with(*kind)).await?;
        }
        kinds::wait_for(case, kinds::ALL, kinds::count_with).await
    }

    /// Takes rights away; what was refused up to now.
    async fn lose(&self, removed: &[String]) -> Result<Refused> {
        self.account.may(&without(self.rights, removed)).await?;
        Ok(self.operator.forbidden())
    }

    /// Changes the pods of [`REVISED`]; the generation that asks for it.
    async fn revise(&self) -> Result<i64> {
        let changed = self.case.apply(&kinds::name(REVISED), kinds::spec(kinds::env())).await?;
        changed.metadata.generation.context("no generation")
    }

    /// The generation that the status of [`REVISED`] speaks of.
    async fn observed(&self) -> Result<i64> {
        let found = self.case.api::<Microservice>().get(&kinds::name(REVISED)).await?;
        Ok(found.status.map_or(0, |status| status.observed_generation))
    }

    async fn observes(&self, generation: i64) -> Result<()> {
        wait::until("the status to be told", wait::LONG, async || {
            Ok((self.observed().await? >= generation).then_some(()))
        })
        .await
    }

    /// Waits until the pod of [`pods::RESIZED`] has what it and its four workers need.
    async fn resizes(&self, memory: &str) -> Result<()> {
        let wanted = Some(Quantity(memory.into()));
        wait::found(
            &self.case.api::<Pod>(),
            &pods::pod_of(pods::RESIZED),
            "its resources",
            wait::LONG,
            |pod| {
                let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
                let resources = containers.filter_map(|container| container.resources.as_ref());
                resources.filter_map(|r| r.requests.as_ref()).any(|r| r.get("memory") == wanted.as_ref())
            },
        )
        .await
        .map(drop)
    }

    /// Changes an object of [`pods::LAGGING`], and waits until it is repaired.
    async fn spoil(&self, kind: Kind) -> Result<()> {
        let api = kinds::api(self.case, kind);
        kinds::spoil(&api, pods::LAGGING).await?;
        wait::found(&api, pods::LAGGING, "the repair", wait::LONG, |found| !kinds::is_spoilt(found)).await?;
        Ok(())
    }

    /// Repairs so often, and tells of it.
    async fn repairs(&self, kind: Kind, times: usize) -> Result<()> {
        for _ in 0..times {
            self.spoil(kind).await?;
        }
        wait::until("the repairs to be told", wait::LONG, async || {
            Ok((self.repetitions(kind).await? > Some(0)).then_some(()))
        })
        .await
    }

    /// How often the Event of a repair of [`pods::LAGGING`] was repeated; none where there is no Event.
    async fn repetitions(&self, kind: Kind) -> Result<Option<i32>> {
        let events = self.case.api::<Event>().list(&ListParams::default()).await?.items;
        let action = format!("Repair {}", kind.name());
        let event = events.into_iter().find(|event| {
            let regarding = event.regarding.as_ref().and_then(|object| object.name.as_deref());
            regarding == Some(pods::LAGGING) && event.action.as_ref() == Some(&action)
        });
        Ok(event.map(|event| event.series.map_or(0, |series| series.count)))
    }
}

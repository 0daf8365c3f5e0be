//! I/O in: what the cluster holds of one Microservice. Read from the watches' stores; the API
//! server is asked only where a store has nothing, for an object of somebody else is in none.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Resource, ResourceExt, api::DynamicObject, runtime::reflector::Store as PodStore};
use strum::VariantArray;

use super::{
    context::Context,
    error::Error,
    inventory,
    references::{Reference, ReferenceKind, Seen, references},
    scrapers::Scrapers,
    store::Entry,
    verify::Verification,
    workers::Answer,
};
use crate::{
    api::{ConcurrencyChange, Microservice},
    build::{
        Child, Kind,
        meta::{MANAGED_BY, OWNER_ANNOTATION, child_name},
    },
};

/// One child as the cluster has it.
#[derive(Clone, Debug)]
pub enum Live {
    /// There is none.
    Absent,
    /// Our Microservice owns it.
    Ours(Entry),
    /// The name is taken.
    Foreign {
        /// Of the object.
        name: String,
        /// Who it belongs to, for the user.
        owner: String,
    },
}

/// All that a reconcile decides by.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Every child that is there.
    pub children: BTreeMap<Child, Live>,
    /// Optional kinds that the cluster does not know.
    pub missing: BTreeSet<Kind>,
    /// Those that may scrape it.
    pub scrapers: Scrapers,
    /// Pods that are not ending.
    pub pods: Vec<Arc<Pod>>,
    /// Can pods be given what `spec.resourcesPerWorker` asks for while they run?
    pub resizable: bool,
    /// What the ready pods say of their workers, by the pods' uid.
    pub workers: BTreeMap<String, Answer>,
    /// What became of a request through the Service.
    pub verification: Verification,
    /// The user's Secrets and ConfigMaps that the spec names.
    pub references: Vec<(Reference, Seen)>,
}

impl Observed {
    /// The child as the cluster has it.
    pub fn live(&self, child: Child) -> &Live {
        self.children.get(&child).unwrap_or(&Live::Absent)
    }

    /// The child, if it is ours.
    pub fn ours(&self, child: Child) -> Option<&Arc<DynamicObject>> {
        match self.live(child) {
            Live::Ours(entry) => Some(&entry.object),
            Live::Absent | Live::Foreign { .. } => None,
        }
    }

    /// Does the cluster know the kind?
    pub fn serves(&self, kind: Kind) -> bool {
        !self.missing.contains(&kind)
    }
}

/// Reads the children, the pods, and what the pods say.
pub async fn observe(microservice: &Microservice, context: &Context) -> Result<Observed, Error> {
    let missing = context.missing.borrow().clone();
    let references = context.stores.references.look(microservice, named(microservice))?;
    let children = children(microservice, context, &missing).await?;
    let namespace = microservice.namespace().unwrap_or_default();
    let scrapers = context.scrapers.borrow().within(&namespace);
    let pods = context.stores.pods(&namespace).map(|store| pods_of(microservice, store)).unwrap_or_default();
    let workers = match microservice.spec.concurrency_change {
        ConcurrencyChange::Live => context.workers.ask(microservice, &pods).await,
        // The rollout tells.
        ConcurrencyChange::Restart => BTreeMap::new(),
    };
    // A foreign Service of the name is none of our business.
    let verification = match children.get(&Child::Service) {
        Some(Live::Ours(_)) => context.verifier.verify(microservice, &pods).await,
        _ => Verification::Untried,
    };
    let resizable = context.resizing.is_possible(&context.client, microservice).await?;
    Ok(Observed { children, missing, scrapers, pods, resizable, workers, verification, references })
}

/// What the spec names, but for our own ConfigMap: that one is ours to follow.
fn named(microservice: &Microservice) -> Vec<Reference> {
    let own = Child::ConfigMap.name(&child_name(&microservice.name_any()));
    let is_own = |reference: &Reference| reference.kind == ReferenceKind::ConfigMap && reference.name == own;
    references(&microservice.spec).into_iter().filter(|reference| !is_own(reference)).collect()
}

async fn children(
    microservice: &Microservice,
    context: &Context,
    missing: &BTreeSet<Kind>,
) -> Result<BTreeMap<Child, Live>, Error> {
    let served: Vec<Child> =
        Child::VARIANTS.iter().copied().filter(|child| !missing.contains(&child.kind())).collect();
    let found = try_join_all(served.into_iter().map(|child| async move {
        let live = live(microservice, context, child).await?;
        Ok(live.map(|live| (child, live)))
    }))
    .await?;
    Ok(found.into_iter().flatten().collect())
}

/// The child out of the store; asked for where the store has none but one is wanted, or was made: a
/// watch doesn't see what somebody took our label from.
async fn live(microservice: &Microservice, context: &Context, child: Child) -> Result<Option<Live>, Error> {
    let kind = child.kind();
    let namespace = microservice.namespace().unwrap_or_default();
    let name = child.name(&child_name(&microservice.name_any()));
    let entry = match context.stores.of(kind).get(&namespace, &name) {
        Some(entry) => Some(entry),
        None if child.is_wanted(&microservice.spec) || inventory::has(microservice, kind, &name) => {
            let client = context.client.clone();
            let api = Api::<DynamicObject>::namespaced_with(client, &namespace, &kind.resource());
            let object =
                api.get_opt(&name).await.map_err(|source| Error::Read { kind: kind.name(), source })?;
            object.map(|object| Entry { object: Arc::new(object), settled: None })
        }
        None => None,
    };
    Ok(entry.map(|entry| whose(entry, microservice)))
}

fn whose(entry: Entry, microservice: &Microservice) -> Live {
    let object = &entry.object;
    if object.owner_references().iter().any(|owner| Some(&owner.uid) == microservice.meta().uid.as_ref()) {
        return Live::Ours(entry);
    }
    Live::Foreign { name: object.name_any(), owner: owner(object) }
}

/// Who a foreign object belongs to, as well as its metadata tells.
fn owner(object: &DynamicObject) -> String {
    if let Some(owner) = object.owner_references().first() {
        return format!("{} {}", owner.kind, owner.name);
    }
    if let Some(release) = object.annotations().get("meta.helm.sh/release-name") {
        return format!("Helm release {release}");
    }
    if let Some(manager) = object.labels().get(MANAGED_BY) {
        return manager.clone();
    }
    object
        .managed_fields()
        .first()
        .and_then(|m| m.manager.clone())
        .map_or_else(|| "somebody else".into(), |manager| format!("somebody else (made by {manager})"))
}

fn pods_of(microservice: &Microservice, store: &PodStore<Pod>) -> Vec<Arc<Pod>> {
    let (namespace, name) = (microservice.namespace(), microservice.name_any());
    let mut pods = store.state_filter(|pod| {
        pod.namespace() == namespace
            && pod.meta().deletion_timestamp.is_none()
            && pod.annotations().get(OWNER_ANNOTATION) == Some(&name)
    });
    pods.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    pods
}

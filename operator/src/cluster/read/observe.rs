//! I/O in: what the cluster holds of one Microservice. Read from the watches' stores; the API
//! server is asked only where a store has nothing, for an object of somebody else is in none.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::future::try_join_all;
use k8s_openapi::api::{autoscaling::v2::HorizontalPodAutoscaler, core::v1::Pod};
use kube::{
    Api, Resource, ResourceExt,
    api::{DynamicObject, ListParams},
};
use operator_core::{
    api::{ConcurrencyChange, Microservice},
    manifests::leads_to_nginx,
    model::{
        Child, Error, Kind,
        meta::{MANAGED_BY, OWNER_ANNOTATION, child_name},
        ports::PodPorts,
    },
    observed::{Entry, Live, Observed, Verification, has_ended},
    plan::{
        adoption::{is_orphan, is_owned},
        references::named,
        replicas::may_be_scaled_by_others,
    },
    status::inventory,
};
use strum::VariantArray;

use super::reader::Reader;
use crate::{cluster::watch::Store, process::refusal::refusal};

/// Reads the children, the pods, and what the pods say.
pub async fn observe(reader: &Reader, microservice: &Microservice) -> Result<Observed, Error> {
    let missing = reader.missing.borrow().clone();
    let references = reader.stores.references.look(microservice, named(microservice))?;
    let children = children(reader, microservice, &missing).await?;
    let namespace = microservice.namespace().unwrap_or_default();
    let scrapers = reader.scrapers.borrow().within(&namespace);
    let mut pods = pods_of(microservice, &reader.stores.pods);
    let ports = PodPorts::of(pods.iter().map(|pod| &**pod));
    pods.retain(|pod| pod.meta().deletion_timestamp.is_none());
    let (workers, ask_again) = match microservice.spec.concurrency_change {
        ConcurrencyChange::Live => reader.workers.ask(microservice, &pods).await,
        // The rollout tells.
        ConcurrencyChange::Restart => (BTreeMap::new(), None),
    };
    // A foreign Service of the name is none of our business.
    let verification = match children.get(&Child::Service) {
        Some(Live::Ours(service)) => {
            reader.verifier.verify(microservice, &pods, leads_to_nginx(&service.object)).await
        }
        _ => Verification::Untried,
    };
    let waiting = reader.complaints.look(&reader.client, microservice, &pods).await;
    let mut observed = Observed {
        children,
        missing,
        scrapers,
        pods,
        ports,
        waiting,
        workers,
        ask_again,
        verification,
        references,
        ..Observed::default()
    };
    if may_be_scaled_by_others(&microservice.spec, &observed) {
        observed.foreign_autoscaler = foreign_autoscaler(reader, microservice).await;
    }
    observed.resizable = reader.resizing.is_possible(&reader.client, microservice).await?;
    Ok(observed)
}

/// An autoscaler of somebody else that scales our Deployment. That of KEDA is named by its owner.
async fn foreign_autoscaler(reader: &Reader, microservice: &Microservice) -> Option<String> {
    let namespace = microservice.namespace().unwrap_or_default();
    let (name, uid) = (child_name(&microservice.name_any()), microservice.uid().unwrap_or_default());
    let api = Api::<HorizontalPodAutoscaler>::namespaced(reader.client.clone(), &namespace);
    let all = api.list(&ListParams::default()).await;
    let all = all.inspect_err(|error| {
        tracing::warn!(error = error as &dyn std::error::Error, "autoscalers of others can't be looked for");
    });
    let scales_ours = |autoscaler: &HorizontalPodAutoscaler| {
        let target = autoscaler.spec.as_ref().map(|spec| &spec.scale_target_ref);
        target.is_some_and(|target| target.kind == "Deployment" && target.name == name)
    };
    let is_foreign = |autoscaler: &HorizontalPodAutoscaler| {
        !autoscaler.owner_references().iter().any(|owner| owner.uid == uid)
    };
    let found = all.ok()?.items.into_iter().find(|one| scales_ours(one) && is_foreign(one))?;
    let owner = found.owner_references().iter().find(|owner| owner.controller == Some(true));
    let of = owner.map(|owner| format!(" of {} {}", owner.kind, owner.name)).unwrap_or_default();
    Some(format!("HorizontalPodAutoscaler {}{of}", found.name_any()))
}

async fn children(
    reader: &Reader,
    microservice: &Microservice,
    missing: &BTreeSet<Kind>,
) -> Result<BTreeMap<Child, Live>, Error> {
    let served: Vec<Child> =
        Child::VARIANTS.iter().copied().filter(|child| !missing.contains(&child.kind())).collect();
    let found = try_join_all(served.into_iter().map(|child| async move {
        let live = live(reader, microservice, child).await?;
        Ok(live.map(|live| (child, live)))
    }))
    .await?;
    Ok(found.into_iter().flatten().collect())
}

/// The child out of the store; asked for where the store has none but one is wanted, or was made: a
/// watch doesn't see what somebody took our label from.
async fn live(reader: &Reader, microservice: &Microservice, child: Child) -> Result<Option<Live>, Error> {
    let name = child.name(&child_name(&microservice.name_any()));
    look(reader, microservice, child.kind(), &name, child.is_wanted(&microservice.spec)).await
}

/// The immutable ConfigMaps of these names, as far as there are any.
pub async fn configuration(
    reader: &Reader,
    microservice: &Microservice,
    names: impl Iterator<Item = &str>,
) -> Result<BTreeMap<String, Live>, Error> {
    let found = try_join_all(names.map(|name| async {
        let live = look(reader, microservice, Kind::ConfigMap, name, true).await?;
        Ok(live.map(|live| (name.to_owned(), live)))
    }))
    .await?;
    Ok(found.into_iter().flatten().collect())
}

async fn look(
    reader: &Reader,
    microservice: &Microservice,
    kind: Kind,
    name: &str,
    is_wanted: bool,
) -> Result<Option<Live>, Error> {
    let namespace = microservice.namespace().unwrap_or_default();
    let entry = match reader.stores.of(kind).get(&namespace, name) {
        Some(entry) => Some(entry),
        None if is_wanted || inventory::has(microservice, kind, name) => {
            let client = reader.client.clone();
            let api = Api::<DynamicObject>::namespaced_with(client, &namespace, &kind.resource());
            let object = api
                .get_opt(name)
                .await
                .map_err(|error| Error::Read { kind: kind.name(), source: refusal(error) })?;
            object.map(|object| Entry { object: Arc::new(object), settled: None })
        }
        None => None,
    };
    Ok(entry.map(|entry| whose(entry, microservice, is_wanted)))
}

fn whose(entry: Entry, microservice: &Microservice, is_wanted: bool) -> Live {
    let object = &entry.object;
    let uid = microservice.uid().unwrap_or_default();
    // What is not wanted is not taken over only to be deleted.
    if is_owned(object, &uid) || is_wanted && is_orphan(object, microservice) {
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

fn pods_of(microservice: &Microservice, store: &Store<Pod>) -> Vec<Arc<Pod>> {
    let name = microservice.name_any();
    let mut pods = store.made_from(&microservice.namespace().unwrap_or_default(), &child_name(&name));
    pods.retain(|pod| !has_ended(pod) && pod.annotations().get(OWNER_ANNOTATION) == Some(&name));
    pods.into_iter().map(Arc::new).collect()
}

//! I/O in: what the cluster holds of one Microservice. Read from the watches' stores; the API
//! server is asked only where a store has nothing, for an object of somebody else is in none.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Resource, ResourceExt, api::DynamicObject, runtime::reflector::Store as PodStore};
use operator_core::{
    api::{ConcurrencyChange, Microservice},
    manifests::leads_to_nginx,
    model::{
        Child, Error, Kind,
        meta::{MANAGED_BY, OWNER_ANNOTATION, child_name},
        ports::PodPorts,
    },
    observed::{Entry, Live, Observed, Verification},
    plan::references::named,
    status::inventory,
};
use strum::VariantArray;

use super::reader::Reader;
use crate::process::refusal::refusal;

/// Reads the children, the pods, and what the pods say.
pub async fn observe(reader: &Reader, microservice: &Microservice) -> Result<Observed, Error> {
    let missing = reader.missing.borrow().clone();
    let references = reader.stores.references.look(microservice, named(microservice))?;
    let children = children(reader, microservice, &missing).await?;
    let namespace = microservice.namespace().unwrap_or_default();
    let scrapers = reader.scrapers.borrow().within(&namespace);
    let mut pods =
        reader.stores.pods(&namespace).map(|store| pods_of(microservice, store)).unwrap_or_default();
    let ports = PodPorts::of(pods.iter().map(|pod| &**pod));
    pods.retain(|pod| pod.meta().deletion_timestamp.is_none());
    let workers = match microservice.spec.concurrency_change {
        ConcurrencyChange::Live => reader.workers.ask(microservice, &pods).await,
        // The rollout tells.
        ConcurrencyChange::Restart => BTreeMap::new(),
    };
    // A foreign Service of the name is none of our business.
    let verification = match children.get(&Child::Service) {
        Some(Live::Ours(service)) => {
            reader.verifier.verify(microservice, &pods, leads_to_nginx(&service.object)).await
        }
        _ => Verification::Untried,
    };
    let resizable = reader.resizing.is_possible(&reader.client, microservice).await?;
    Ok(Observed { children, missing, scrapers, pods, ports, resizable, workers, verification, references })
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
    let kind = child.kind();
    let namespace = microservice.namespace().unwrap_or_default();
    let name = child.name(&child_name(&microservice.name_any()));
    let entry = match reader.stores.of(kind).get(&namespace, &name) {
        Some(entry) => Some(entry),
        None if child.is_wanted(&microservice.spec) || inventory::has(microservice, kind, &name) => {
            let client = reader.client.clone();
            let api = Api::<DynamicObject>::namespaced_with(client, &namespace, &kind.resource());
            let object = api
                .get_opt(&name)
                .await
                .map_err(|error| Error::Read { kind: kind.name(), source: refusal(error) })?;
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
        pod.namespace() == namespace && pod.annotations().get(OWNER_ANNOTATION) == Some(&name)
    });
    pods.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    pods
}

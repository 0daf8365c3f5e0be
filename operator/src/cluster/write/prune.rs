//! I/O out: deletes what we made and no longer want. Only objects that our Microservice controls
//! count as ours, and the uid makes sure that no other is hit. What pods are started with stays until
//! those that were are replaced.

use std::collections::BTreeSet;

use kube::{
    Api, ResourceExt,
    api::{DeleteParams, DynamicObject, Preconditions},
};
use operator_core::{
    api::MicroserviceSpec,
    model::{Child, Error, Kind, ResolvedMicroservice},
    observed::{Live, Observed, Progress},
    plan::{Applied, configuration::starts_pods},
};

use super::writer::Writer;
use crate::process::refusal::refusal;

/// Deletes the children that the spec does not ask for; says which, and what failed. A failure keeps no
/// other child.
pub async fn prune(
    writer: &Writer,
    spec: &MicroserviceSpec,
    observed: &Observed,
    applied: &Applied,
) -> (Vec<Child>, Vec<Error>) {
    let replaced =
        Progress::of(applied.objects.get(&Child::Deployment).map(|deployment| &**deployment)).replaced_all();
    let (mut deleted, mut failures) = (Vec::new(), Vec::new());
    for (child, live) in &observed.children {
        if let Live::Ours(entry) = live
            && !child.is_wanted(spec)
            && (replaced || !child.starts_pods())
        {
            match delete(writer, child.kind(), &entry.object).await {
                Ok(true) => deleted.push(*child),
                Ok(false) => {}
                Err(error) => failures.push(error),
            }
        }
    }
    (deleted, failures)
}

/// Deletes the immutable ConfigMaps that nothing needs. Gives the names of those that are left, and what
/// failed.
pub async fn prune_configuration(
    writer: &Writer,
    resolved: &ResolvedMicroservice,
    needed: &BTreeSet<String>,
) -> (Vec<String>, Vec<Error>) {
    let store = writer.stores.of(Kind::ConfigMap);
    let (mut left, mut failures) = (Vec::new(), Vec::new());
    let owned = store.owned_by(&resolved.namespace, &resolved.child_name, &resolved.owner.uid);
    for map in owned.iter().filter(|map| starts_pods(map, &resolved.child_name)) {
        let name = map.name_any();
        let deleted =
            if needed.contains(&name) { None } else { Some(delete(writer, Kind::ConfigMap, map).await) };
        match deleted {
            Some(Ok(_)) => store.forget(&resolved.namespace, &name),
            failed => {
                failures.extend(failed.and_then(Result::err));
                left.push(name);
            }
        }
    }
    (left, failures)
}

async fn delete(writer: &Writer, kind: Kind, object: &DynamicObject) -> Result<bool, Error> {
    let namespace = object.namespace().unwrap_or_default();
    let api = Api::<DynamicObject>::namespaced_with(writer.client.clone(), &namespace, &kind.resource());
    let only_this = Preconditions { uid: object.uid(), resource_version: None };
    let params = DeleteParams { preconditions: Some(only_this), ..DeleteParams::default() };
    match api.delete(&object.name_any(), &params).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(false),
        Err(error) => Err(Error::Delete { kind: kind.name(), source: refusal(error) }),
    }
}

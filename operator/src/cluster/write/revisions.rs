use kube::{
    Api,
    api::{DeleteParams, DynamicObject, Patch, PatchParams},
};
use operator_core::{
    model::{
        Error, Kind, ResolvedMicroservice,
        meta::{MANAGER, REVISION_OUTCOME_ANNOTATION},
    },
    observed::{History, Outcome},
    plan::revision::New,
};
use serde_json::json;

use super::{apply::send, writer::Writer};
use crate::process::refusal::refusal;

/// Writes a revision.
pub async fn write_revision(
    writer: &Writer,
    resolved: &ResolvedMicroservice,
    new: &New,
) -> Result<(), Error> {
    let written = send(writer, Kind::ControllerRevision, new.object(resolved)).await?;
    remember(writer, written);
    Ok(())
}

/// Our own writes are known at once, not only when the watch tells of them.
fn remember(writer: &Writer, mut object: DynamicObject) {
    object.data = json!({});
    writer.stores.of(Kind::ControllerRevision).remember(object);
}

/// Notes what became of the last revision's rollout, once, and deletes what nobody needs any more.
/// Says whether it wrote anything.
pub async fn settle(
    writer: &Writer,
    resolved: &ResolvedMicroservice,
    last: &str,
    outcome: Option<Outcome>,
) -> Result<bool, Error> {
    let store = writer.stores.of(Kind::ControllerRevision);
    let history =
        || History::of(&store.owned_by(&resolved.namespace, &resolved.child_name, &resolved.owner.uid));
    let resource = Kind::ControllerRevision.resource();
    let kind = Kind::ControllerRevision.name();
    let api = Api::<DynamicObject>::namespaced_with(writer.client.clone(), &resolved.namespace, &resource);
    let mut wrote = false;
    if let Some(outcome) = outcome
        && history().find(last).is_some_and(|revision| revision.outcome.as_ref() != Some(&outcome))
    {
        let patch = json!({"metadata": {"annotations": {REVISION_OUTCOME_ANNOTATION: outcome.text()}}});
        let params = PatchParams { field_manager: Some(MANAGER.into()), ..PatchParams::default() };
        match api.patch(last, &params, &Patch::Merge(patch)).await {
            Ok(marked) => remember(writer, marked),
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            Err(error) => return Err(Error::Apply { kind, source: refusal(error) }),
        }
        wrote = true;
    }
    for revision in history().superseded(last) {
        match api.delete(&revision.name, &DeleteParams::default()).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            Err(error) => return Err(Error::Delete { kind, source: refusal(error) }),
        }
        store.forget(&resolved.namespace, &revision.name);
        wrote = true;
    }
    Ok(wrote)
}

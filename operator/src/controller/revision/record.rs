//! I/O: what a ControllerRevision keeps, and how it is read, written, marked and deleted. Its content
//! can't be changed once it is made, so each has a name of its own.

use std::collections::BTreeMap;

use k8s_openapi::{api::apps::v1::ControllerRevision, apimachinery::pkg::runtime::RawExtension};
use kube::{
    Api,
    api::{DeleteParams, DynamicObject, Patch, PatchParams},
    runtime::watcher::Event,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    course::Why,
    history::{GENERATION, History, NUMBER, OUTCOME, Outcome, RENDERING, Revision, SPEC, WHY},
};
use crate::{
    api::MicroserviceSpec,
    build::{
        Child, Kind,
        meta::{self, MANAGER, digest},
    },
    controller::{apply, context::Context, error::Error, validate::Validated},
};

/// What pods are made of.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Rendering {
    /// The Deployment's pod template.
    pub template: Value,
    /// The ConfigMap's data.
    pub config: BTreeMap<String, String>,
}

impl Rendering {
    /// The part of the children that makes the pods.
    pub fn of(desired: &[(Child, Value)]) -> Self {
        let part = |child: Child, pointer: &str| {
            let found = desired.iter().find(|(c, _)| *c == child);
            found.and_then(|(_, body)| body.pointer(pointer)).cloned().unwrap_or_default()
        };
        Self {
            template: part(Child::Deployment, "/spec/template"),
            config: serde_json::from_value(part(Child::ConfigMap, "/data")).unwrap_or_default(),
        }
    }

    /// Puts it in the place of what is there.
    pub fn put(self, desired: &mut [(Child, Value)]) {
        for (child, body) in desired {
            match child {
                Child::Deployment => body["spec"]["template"] = self.template.clone(),
                Child::ConfigMap => body["data"] = json!(self.config),
                _ => {}
            }
        }
    }

    /// Tells two apart.
    pub fn digest(&self) -> String {
        digest(json!(self).to_string().as_bytes())
    }

    /// The image of the container of this name.
    pub fn image(&self, container: &str) -> Option<&str> {
        let containers = self.template.pointer("/spec/containers")?.as_array()?;
        containers.iter().find(|c| c["name"] == container)?.get("image")?.as_str()
    }
}

/// The content of a ControllerRevision.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Record {
    /// The version of the operator that rendered it.
    pub operator: String,
    /// As [`recorded`] gives it.
    pub spec: Value,
    /// What was made of it.
    pub rendering: Rendering,
}

/// What says how many pods run, if any. It is another matter than what they are made of: it is neither
/// recorded nor taken back.
const RUNNING: [&str; 4] = ["replicas", "autoscaling", "stopped", "suspend"];

/// The spec without the number of pods.
pub fn recorded(spec: &MicroserviceSpec) -> Value {
    // The API's types always have a JSON form.
    let mut spec = serde_json::to_value(spec).unwrap_or_default();
    if let Some(fields) = spec.as_object_mut() {
        fields.retain(|field, _| !RUNNING.contains(&field.as_str()));
    }
    spec
}

/// The recorded spec with the number of pods of another; none if this operator does not understand it.
pub fn with_number_of(recorded: &Value, users: &MicroserviceSpec) -> Option<MicroserviceSpec> {
    let mut spec = recorded.clone();
    let users = serde_json::to_value(users).ok()?;
    for field in RUNNING {
        if let Some(value) = users.get(field) {
            spec[field] = value.clone();
        }
    }
    serde_json::from_value(spec).ok()
}

/// Tells two specs apart.
pub fn spec_digest(recorded: &Value) -> String {
    digest(recorded.to_string().as_bytes())
}

/// The content of a revision; none if it is gone, or of a form that this operator does not know.
pub async fn read(context: &Context, namespace: &str, revision: &Revision) -> Result<Option<Record>, Error> {
    let api = Api::<ControllerRevision>::namespaced(context.client.clone(), namespace);
    let kind = Kind::ControllerRevision.name();
    let found = api.get_opt(&revision.name).await.map_err(|source| Error::Read { kind, source })?;
    let data = found.and_then(|found| found.data);
    Ok(data.and_then(|RawExtension(data)| serde_json::from_value(data).ok()))
}

/// A revision that is to be written.
#[derive(Clone, Debug)]
pub struct New {
    /// What it keeps.
    pub record: Record,
    /// Its place in the history.
    pub number: i64,
    /// The spec's generation.
    pub generation: i64,
    /// What would cause a rollout to it: once it is written nobody can tell any more.
    pub why: Option<Why>,
}

impl New {
    /// By its content: what is written twice is one.
    pub fn name(&self, validated: &Validated) -> String {
        let content = json!([self.record, validated.owner.uid]).to_string();
        format!("{}-{}", validated.child_name, digest(content.as_bytes()))
    }

    fn body(&self, validated: &Validated) -> Value {
        let mut metadata = meta::object_meta(validated);
        metadata.name = Some(self.name(validated));
        let mut annotations = BTreeMap::from([
            (NUMBER.into(), self.number.to_string()),
            (GENERATION.into(), self.generation.to_string()),
            (SPEC.into(), spec_digest(&self.record.spec)),
            (RENDERING.into(), self.record.rendering.digest()),
        ]);
        annotations.extend(self.why.as_ref().map(|why| (WHY.into(), json!(why).to_string())));
        metadata.annotations = Some(annotations);
        let data = serde_json::to_value(&self.record).unwrap_or_default();
        // Kubernetes' types always have a JSON form.
        let mut body = serde_json::to_value(ControllerRevision {
            metadata,
            revision: self.number,
            data: Some(RawExtension(data)),
        })
        .unwrap_or_default();
        if let Some(labels) = body["metadata"]["labels"].as_object_mut() {
            labels.insert("app.kubernetes.io/component".into(), "revision".into());
        }
        body
    }
}

/// Writes a revision.
pub async fn write(context: &Context, validated: &Validated, new: &New) -> Result<(), Error> {
    let written = apply::send(context, Kind::ControllerRevision, new.body(validated)).await?;
    remember(context, written);
    Ok(())
}

/// Our own writes are known at once, not only when the watch tells of them.
fn remember(context: &Context, mut object: DynamicObject) {
    object.data = Value::Null;
    context.stores.of(Kind::ControllerRevision).handle(Event::Apply(object));
}

/// Notes what became of the last revision's rollout, once, and deletes what nobody needs any more.
/// Says whether it wrote anything.
pub async fn settle(
    context: &Context,
    validated: &Validated,
    last: &str,
    outcome: Option<Outcome>,
) -> Result<bool, Error> {
    let store = context.stores.of(Kind::ControllerRevision);
    let history = || History::of(&store.owned_by(&validated.namespace, &validated.owner.uid));
    let resource = Kind::ControllerRevision.resource();
    let kind = Kind::ControllerRevision.name();
    let api = Api::<DynamicObject>::namespaced_with(context.client.clone(), &validated.namespace, &resource);
    let mut wrote = false;
    if let Some(outcome) = outcome
        && history().find(last).is_some_and(|revision| revision.outcome.as_ref() != Some(&outcome))
    {
        let patch = json!({"metadata": {"annotations": {OUTCOME: outcome.text()}}});
        let params = PatchParams { field_manager: Some(MANAGER.into()), ..PatchParams::default() };
        match api.patch(last, &params, &Patch::Merge(patch)).await {
            Ok(marked) => remember(context, marked),
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            Err(source) => return Err(Error::Apply { kind, source }),
        }
        wrote = true;
    }
    for revision in history().superseded(last) {
        match api.delete(&revision.name, &DeleteParams::default()).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            Err(source) => return Err(Error::Delete { kind, source }),
        }
        if let Some(entry) = store.get(&validated.namespace, &revision.name) {
            store.handle(Event::Delete((*entry.object).clone()));
        }
        wrote = true;
    }
    Ok(wrote)
}

/// Are they the same spec, whatever fields it had when it was written?
pub fn is_same_spec(record: &Record, spec: &Value) -> bool {
    serde_json::from_value(record.spec.clone()).is_ok_and(|then: MicroserviceSpec| recorded(&then) == *spec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_replicas_is_nobodys_change_of_the_spec() {
        let mut validated = Validated::example();
        let before = recorded(&validated.spec);
        validated.spec.replicas = 9;
        assert_eq!(recorded(&validated.spec), before);
        validated.spec.port = 8888;
        assert_ne!(recorded(&validated.spec), before);
    }

    #[test]
    fn a_field_that_came_since_makes_no_other_spec() {
        let spec = recorded(&Validated::example().spec);
        let mut older = spec.clone();
        older.as_object_mut().unwrap().remove("upgradePolicy");
        let record = Record { operator: "0".into(), spec: older, rendering: Rendering::default() };
        assert!(is_same_spec(&record, &spec));
        assert_ne!(spec_digest(&record.spec), spec_digest(&spec));
    }
}

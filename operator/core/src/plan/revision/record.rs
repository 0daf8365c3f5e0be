//! What a ControllerRevision keeps. Its content can't be changed once it is made, so each has a name of
//! its own.

use std::collections::BTreeMap;

use k8s_openapi::{api::apps::v1::ControllerRevision, apimachinery::pkg::runtime::RawExtension};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    api::MicroserviceSpec,
    manifests::{Children, immutable},
    model::{
        ResolvedMicroservice,
        meta::{
            COMPONENT_LABEL, CONFIG_ANNOTATION, REVISION_CAUSE_ANNOTATION, REVISION_GENERATION_ANNOTATION,
            REVISION_NUMBER_ANNOTATION, REVISION_RENDERING_ANNOTATION, REVISION_SPEC_ANNOTATION, digest,
            object_meta,
        },
        object::json_of,
    },
    observed::RolloutCause,
};

/// What pods are made of.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Rendering {
    /// The Deployment's pod template.
    pub template: Value,
    /// The immutable ConfigMap that it names. Another one, of files' contents, is made of the spec.
    #[serde(default)]
    pub configuration: Option<ImmutableMap>,
    /// What an earlier operator kept beside the numbers that change while pods run.
    #[serde(default, rename = "config", skip_serializing_if = "BTreeMap::is_empty")]
    pub earlier: BTreeMap<String, String>,
}

/// An immutable ConfigMap.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct ImmutableMap {
    name: String,
    data: BTreeMap<String, String>,
}

impl Rendering {
    /// The part of the children that makes the pods.
    pub fn of(children: &Children) -> Self {
        let configuration = children.configuration.as_ref().map(|map| ImmutableMap {
            name: map.metadata.name.clone().unwrap_or_default(),
            data: map.data.clone().unwrap_or_default(),
        });
        Self { template: children.pod_template.clone(), configuration, earlier: BTreeMap::new() }
    }

    /// Puts it in the place of what is there.
    pub fn put(self, children: &mut Children) {
        let metadata = &children.config_map.metadata;
        children.configuration = self.configuration.map(|it| immutable(metadata.clone(), it.name, it.data));
        let named = self.template["metadata"]["annotations"][CONFIG_ANNOTATION].as_str().unwrap_or_default();
        children.files = children
            .files
            .take()
            .filter(|files| named.split(',').any(|name| files.metadata.name.as_deref() == Some(name)));
        children.pod_template = self.template;
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
    /// Without the number of pods.
    pub spec: Value,
    /// What was made of it.
    pub rendering: Rendering,
}

/// What says how many pods run, if any. It is another matter than what they are made of: it is neither
/// recorded nor taken back.
const RUNNING: [&str; 4] = ["replicas", "autoscaling", "stopped", "suspend"];

/// The spec without the number of pods.
pub fn recorded(spec: &MicroserviceSpec) -> Value {
    let mut spec = json_of(spec);
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
    pub cause: Option<RolloutCause>,
    /// The ConfigMaps that pods of this template and of the last ones before it are started with.
    pub configuration: String,
}

impl New {
    /// By its content: what is written twice is one.
    pub fn name(&self, resolved: &ResolvedMicroservice) -> String {
        let content = json!([self.record, resolved.owner.uid]).to_string();
        format!("{}-{}", resolved.child_name, digest(content.as_bytes()))
    }

    /// The object as it is applied.
    pub fn object(&self, resolved: &ResolvedMicroservice) -> Value {
        let mut metadata = object_meta(resolved);
        metadata.name = Some(self.name(resolved));
        let mut annotations = BTreeMap::from([
            (REVISION_NUMBER_ANNOTATION.into(), self.number.to_string()),
            (REVISION_GENERATION_ANNOTATION.into(), self.generation.to_string()),
            (REVISION_SPEC_ANNOTATION.into(), spec_digest(&self.record.spec)),
            (REVISION_RENDERING_ANNOTATION.into(), self.record.rendering.digest()),
            (CONFIG_ANNOTATION.into(), self.configuration.clone()),
        ]);
        annotations.extend(
            self.cause.as_ref().map(|cause| (REVISION_CAUSE_ANNOTATION.into(), json!(cause).to_string())),
        );
        metadata.annotations = Some(annotations);
        let labels = metadata.labels.get_or_insert_default();
        labels.insert(COMPONENT_LABEL.into(), "revision".into());
        let data = json_of(&self.record);
        let revision = ControllerRevision { metadata, revision: self.number, data: Some(RawExtension(data)) };
        json_of(revision)
    }
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
        let mut resolved = ResolvedMicroservice::example();
        let before = recorded(&resolved.spec);
        resolved.spec.replicas = 9;
        assert_eq!(recorded(&resolved.spec), before);
        resolved.spec.port = 8888;
        assert_ne!(recorded(&resolved.spec), before);
    }

    #[test]
    fn a_field_that_came_since_makes_no_other_spec() {
        let spec = recorded(&ResolvedMicroservice::example().spec);
        let mut older = spec.clone();
        older.as_object_mut().unwrap().remove("upgradePolicy");
        let record = Record { operator: "0".into(), spec: older, rendering: Rendering::default() };
        assert!(is_same_spec(&record, &spec));
        assert_ne!(spec_digest(&record.spec), spec_digest(&spec));
    }
}

//! Secrets and ConfigMaps that a spec names: whether they exist, and new pods when their content
//! changes. Only their metadata is ever asked for.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{EnvFromSource, EnvVar, Volume};
use kube::{ResourceExt, core::DynamicObject};

use crate::{
    api::{Microservice, MicroserviceSpec, ReferenceChange},
    manifests::Children,
    model::{
        Child,
        meta::{REFERENCES_ANNOTATION, child_name},
        object::template_annotation,
    },
    observed::{Reference, ReferenceKind, Seen},
};

/// Puts the versions of the references into the pod template, so that another version means new pods.
/// Gives what was put.
///
/// Whether Secrets are looked at is the operator's setting, and no reason for new pods: of what is not
/// looked at the last version stays, and one that is looked at from now on counts with the next other
/// pods. `is_same`: these are the live pods but for the versions.
pub fn mark(
    children: &mut Children,
    found: &[(Reference, Seen)],
    policy: ReferenceChange,
    live: Option<&DynamicObject>,
    is_same: bool,
) -> Option<String> {
    let live = live.and_then(|live| template_annotation(live, REFERENCES_ANNOTATION));
    let text = match policy {
        ReferenceChange::Restart => text(found, &parse(live.unwrap_or_default()), is_same),
        // What stands there stays: taking it away would be a rollout.
        ReferenceChange::Ignore => live.map(ToOwned::to_owned),
    }?;
    children.annotate_pods(REFERENCES_ANNOTATION, text.clone());
    Some(text)
}

/// `ConfigMap/a=VERSION Secret/b=VERSION`, each once.
fn text(found: &[(Reference, Seen)], live: &BTreeMap<String, String>, is_same: bool) -> Option<String> {
    let versions: BTreeMap<_, _> = found
        .iter()
        .filter_map(|(reference, seen)| {
            let id = reference.id();
            let version = match seen {
                Seen::Unwatched => live.get(&id)?.clone(),
                _ if is_same && !live.contains_key(&id) => return None,
                Seen::Version(version) => format!("{version:016x}"),
                Seen::Missing => "none".into(),
            };
            Some((id, version))
        })
        .collect();
    let words: Vec<_> = versions.iter().map(|(id, version)| format!("{id}={version}")).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// Versions by object.
fn parse(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split(' ').filter_map(|word| word.split_once('='));
    pairs.map(|(id, version)| (id.to_owned(), version.to_owned())).collect()
}

/// The objects whose versions differ.
pub fn changed(before: &str, after: &str) -> Vec<String> {
    let (before, after) = (parse(before), parse(after));
    let ids = before.keys().chain(after.keys()).filter(|id| before.get(*id) != after.get(*id));
    ids.cloned().collect::<BTreeSet<_>>().into_iter().collect()
}

/// What a Microservice's spec names, but for our own ConfigMap: that one is ours to follow.
pub fn named(microservice: &Microservice) -> Vec<Reference> {
    let own = Child::ConfigMap.name(&child_name(&microservice.name_any()));
    let is_own = |reference: &Reference| reference.kind == ReferenceKind::ConfigMap && reference.name == own;
    references(&microservice.spec).into_iter().filter(|reference| !is_own(reference)).collect()
}

/// Everything that the pods take from Secrets and ConfigMaps of the user. Those that the kubelet
/// alone uses, to pull images, are none.
///
/// The certificate of `proxy.tls` is none either: nginx follows it while it runs.
pub fn references(spec: &MicroserviceSpec) -> Vec<Reference> {
    let mut found = container("spec", &spec.env, &spec.env_from);
    for (field, containers) in [("initContainers", &spec.init_containers), ("sidecars", &spec.sidecars)] {
        for (index, one) in containers.iter().enumerate() {
            let path = format!("spec.{field}[{index}]");
            found.extend(container(
                &path,
                one.env.as_deref().unwrap_or_default(),
                one.env_from.as_deref().unwrap_or_default(),
            ));
        }
    }
    for (index, file) in spec.files.iter().enumerate() {
        let path = format!("spec.files[{index}]");
        found.extend(
            file.config_map.iter().map(|c| config_map(&c.name, None, format!("{path}.configMap.name"))),
        );
        found.extend(file.secret.iter().map(|s| secret(&s.name, None, format!("{path}.secret.name"))));
    }
    for (index, volume) in spec.volumes.iter().enumerate() {
        found.extend(volume_sources(&format!("spec.volumes[{index}]"), volume));
    }
    found
}

fn config_map(name: &str, optional: Option<bool>, field: String) -> Reference {
    let optional = optional.unwrap_or(false);
    Reference { kind: ReferenceKind::ConfigMap, name: name.to_owned(), field, optional }
}

fn secret(name: &str, optional: Option<bool>, field: String) -> Reference {
    Reference { kind: ReferenceKind::Secret, ..config_map(name, optional, field) }
}

fn container(path: &str, variables: &[EnvVar], sources: &[EnvFromSource]) -> Vec<Reference> {
    let mut found = Vec::new();
    for (index, variable) in variables.iter().enumerate() {
        let Some(source) = &variable.value_from else { continue };
        let path = format!("{path}.env[{index}].valueFrom");
        let secrets = source.secret_key_ref.iter();
        found.extend(secrets.map(|s| secret(&s.name, s.optional, format!("{path}.secretKeyRef.name"))));
        let maps = source.config_map_key_ref.iter();
        found.extend(maps.map(|c| config_map(&c.name, c.optional, format!("{path}.configMapKeyRef.name"))));
    }
    for (index, source) in sources.iter().enumerate() {
        let path = format!("{path}.envFrom[{index}]");
        let secrets = source.secret_ref.iter();
        found.extend(secrets.map(|s| secret(&s.name, s.optional, format!("{path}.secretRef.name"))));
        let maps = source.config_map_ref.iter();
        found.extend(maps.map(|c| config_map(&c.name, c.optional, format!("{path}.configMapRef.name"))));
    }
    found
}

fn volume_sources(path: &str, volume: &Volume) -> Vec<Reference> {
    let mut found = Vec::new();
    if let Some(source) = &volume.config_map {
        found.push(config_map(&source.name, source.optional, format!("{path}.configMap.name")));
    }
    if let Some(source) = &volume.secret {
        let name = source.secret_name.as_deref().unwrap_or_default();
        found.push(secret(name, source.optional, format!("{path}.secret.secretName")));
    }
    let projected = volume.projected.iter().flat_map(|p| p.sources.iter().flatten());
    for (index, source) in projected.enumerate() {
        let path = format!("{path}.projected.sources[{index}]");
        let maps = source.config_map.iter();
        found.extend(maps.map(|c| config_map(&c.name, c.optional, format!("{path}.configMap.name"))));
        let secrets = source.secret.iter();
        found.extend(secrets.map(|s| secret(&s.name, s.optional, format!("{path}.secret.name"))));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{manifests::build, model::ResolvedMicroservice};
    use serde_json::json;

    fn found(version: u64) -> Vec<(Reference, Seen)> {
        let spec = json!({"env": [
            {"name": "A", "valueFrom": {"secretKeyRef": {"name": "database", "key": "url"}}},
            {"name": "B", "valueFrom": {"secretKeyRef": {"name": "database", "key": "user"}}},
        ]});
        let all = references(&serde_json::from_value(spec).unwrap());
        all.into_iter().map(|reference| (reference, Seen::Version(version))).collect()
    }

    fn children() -> Children {
        build(&ResolvedMicroservice::example())
    }

    /// peers: open-liberty-operator#616, mcp-lifecycle-operator#95
    #[test]
    fn another_version_is_another_pod_template() {
        let (mut one, mut two) = (children(), children());
        let before = mark(&mut one, &found(1), ReferenceChange::Restart, None, false).unwrap();
        let after = mark(&mut two, &found(2), ReferenceChange::Restart, None, false).unwrap();
        assert_ne!(one, two);
        assert_eq!(before, "Secret/database=0000000000000001");
        assert_eq!(changed(&before, &after), ["Secret/database"]);
    }

    #[test]
    fn who_does_not_want_it_gets_no_new_pods() {
        let mut before = children();
        mark(&mut before, &found(1), ReferenceChange::Restart, None, false).unwrap();
        let live: DynamicObject =
            serde_json::from_value(json!({"metadata": {}, "spec": {"template": before.pod_template}}))
                .unwrap();
        let mut after = children();
        mark(&mut after, &found(2), ReferenceChange::Ignore, Some(&live), true);
        assert_eq!(before, after);
        assert_eq!(mark(&mut after, &found(2), ReferenceChange::Ignore, None, true), None);
    }

    /// `references.secrets` of the chart, switched off and on again.
    #[test]
    fn a_setting_of_the_operator_is_no_reason_for_new_pods() {
        let live = |children: &Children| -> DynamicObject {
            let spec = json!({"metadata": {}, "spec": {"template": children.pod_template}});
            serde_json::from_value(spec).unwrap()
        };
        let mut before = children();
        mark(&mut before, &found(1), ReferenceChange::Restart, None, false);
        let unwatched: Vec<_> = found(1).into_iter().map(|(one, _)| (one, Seen::Unwatched)).collect();
        let mut off = children();
        mark(&mut off, &unwatched, ReferenceChange::Restart, Some(&live(&before)), true);
        assert_eq!(before, off);
        let mut on = children();
        mark(&mut on, &found(1), ReferenceChange::Restart, Some(&live(&off)), true);
        assert_eq!(before, on);
        let mut changed = children();
        mark(&mut changed, &found(2), ReferenceChange::Restart, Some(&live(&off)), true);
        assert_ne!(before, changed, "it still counts");
        let mut made_without = children();
        mark(&mut made_without, &unwatched, ReferenceChange::Restart, None, false);
        let mut later = children();
        let put = mark(&mut later, &found(1), ReferenceChange::Restart, Some(&live(&made_without)), true);
        assert_eq!((&made_without, put), (&later, None));
        assert!(
            mark(&mut later, &found(1), ReferenceChange::Restart, Some(&live(&made_without)), false)
                .is_some()
        );
    }

    #[test]
    fn each_is_named_with_its_field() {
        let spec = json!({"env": [
            {"name": "PLAIN", "value": "1"},
            {"name": "S", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
            {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k", "optional": true}}},
            {"name": "F", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        ],
        "envFrom": [{"secretRef": {"name": "all"}}],
        "sidecars": [{"name": "mesh", "env": [{"name": "S", "valueFrom": {"secretKeyRef": {"name": "m", "key": "k"}}}]}],
        "files": [{"path": "/a", "content": "x"}, {"path": "/b", "configMap": {"name": "f"}}],
        "volumes": [
            {"name": "v", "secret": {"secretName": "v", "optional": true}},
            {"name": "p", "projected": {"sources": [{"configMap": {"name": "p"}}]}},
        ]});
        let found = references(&serde_json::from_value(spec).unwrap());
        let told: Vec<_> = found.iter().map(|r| (r.id(), r.field.as_str(), r.optional)).collect();
        assert_eq!(
            told,
            [
                ("Secret/s".into(), "spec.env[1].valueFrom.secretKeyRef.name", false),
                ("ConfigMap/c".into(), "spec.env[2].valueFrom.configMapKeyRef.name", true),
                ("Secret/all".into(), "spec.envFrom[0].secretRef.name", false),
                ("Secret/m".into(), "spec.sidecars[0].env[0].valueFrom.secretKeyRef.name", false),
                ("ConfigMap/f".into(), "spec.files[1].configMap.name", false),
                ("Secret/v".into(), "spec.volumes[0].secret.secretName", true),
                ("ConfigMap/p".into(), "spec.volumes[1].projected.sources[0].configMap.name", false),
            ]
        );
    }
}

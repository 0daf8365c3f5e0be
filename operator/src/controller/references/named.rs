use k8s_openapi::api::core::v1::{EnvFromSource, EnvVar, Volume};

use crate::api::MicroserviceSpec;

/// What can be referred to.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::IntoStaticStr, strum::VariantArray,
)]
#[allow(missing_docs)] // Kubernetes' own names.
pub enum ReferenceKind {
    Secret,
    ConfigMap,
}

/// A Secret or ConfigMap that a spec names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Which of the two.
    pub kind: ReferenceKind,
    /// Its name, in the Microservice's namespace.
    pub name: String,
    /// The field of the spec that names it.
    pub field: String,
    /// May it be missing?
    pub optional: bool,
}

impl Reference {
    /// For people: `Secret/database`.
    pub fn id(&self) -> String {
        format!("{}/{}", <&str>::from(self.kind), self.name)
    }
}

/// Pure: everything that the pods take from Secrets and ConfigMaps of the user. Those that the kubelet
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
    use serde_json::json;

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

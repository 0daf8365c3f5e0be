use k8s_openapi::api::core::v1::EnvVar;

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
pub fn references(spec: &MicroserviceSpec) -> Vec<Reference> {
    variables("spec.env", &spec.env).collect()
}

fn variables<'a>(path: &'a str, variables: &'a [EnvVar]) -> impl Iterator<Item = Reference> + 'a {
    variables.iter().enumerate().flat_map(move |(index, variable)| {
        let source = variable.value_from.as_ref();
        let secret = source
            .and_then(|source| source.secret_key_ref.as_ref())
            .map(|s| (ReferenceKind::Secret, "secretKeyRef", s.name.clone(), s.optional));
        let config = source
            .and_then(|source| source.config_map_key_ref.as_ref())
            .map(|c| (ReferenceKind::ConfigMap, "configMapKeyRef", c.name.clone(), c.optional));
        secret.into_iter().chain(config).map(move |(kind, key, name, optional)| Reference {
            kind,
            name,
            field: format!("{path}[{index}].valueFrom.{key}.name"),
            optional: optional.unwrap_or(false),
        })
    })
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
        ]});
        let found = references(&serde_json::from_value(spec).unwrap());
        let told: Vec<_> = found.iter().map(|r| (r.id(), r.field.as_str(), r.optional)).collect();
        assert_eq!(
            told,
            [
                ("Secret/s".into(), "spec.env[1].valueFrom.secretKeyRef.name", false),
                ("ConfigMap/c".into(), "spec.env[2].valueFrom.configMapKeyRef.name", true),
            ]
        );
    }
}

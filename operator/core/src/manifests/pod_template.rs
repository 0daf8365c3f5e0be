//! `spec.podTemplate`: the user's last word on the pods. Here, and only here, a manifest is handled as
//! JSON: our types could not tell a field that is removed from one that is not named.

use serde_json::Value;

use super::{
    deployment,
    strategic_merge::{changed, merge},
};
use crate::model::{ResolvedMicroservice, object::json_of};

/// The pods with the user's patch laid over them.
pub(super) fn build(resolved: &ResolvedMicroservice) -> Value {
    patched(ours(resolved), resolved)
}

/// Paths in the pod template of what we set and the user's patch changes.
pub fn overridden(resolved: &ResolvedMicroservice) -> Vec<String> {
    if resolved.spec.pod_template.is_empty() {
        return Vec::new();
    }
    let ours = ours(resolved);
    let patched = patched(ours.clone(), resolved);
    changed(&ours, &patched)
}

fn ours(resolved: &ResolvedMicroservice) -> Value {
    json_of(deployment::template(resolved))
}

fn patched(mut template: Value, resolved: &ResolvedMicroservice) -> Value {
    let patch = &resolved.spec.pod_template;
    if !patch.is_empty() {
        merge(&mut template, &Value::Object(patch.clone()));
    }
    template
}

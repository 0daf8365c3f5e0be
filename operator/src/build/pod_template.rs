//! `spec.podTemplate`: the user's last word on the pods.

use serde_json::Value;

use super::{
    child::json,
    deployment,
    strategic_merge::{changed, merge},
};
use crate::controller::validate::Validated;

/// Where a Deployment has its pods.
const TEMPLATE: &str = "/spec/template";

/// Lays the user's patch over the Deployment's pods.
pub(super) fn patch(mut deployment: Value, validated: &Validated) -> Value {
    let patch = &validated.spec.pod_template;
    if let (Some(template), false) = (deployment.pointer_mut(TEMPLATE), patch.is_empty()) {
        merge(template, &Value::Object(patch.clone()));
    }
    deployment
}

/// Paths in the pod template of what we set and the user's patch changes.
pub fn overridden(validated: &Validated) -> Vec<String> {
    if validated.spec.pod_template.is_empty() {
        return Vec::new();
    }
    let ours = json(deployment::build(validated));
    let patched = patch(ours.clone(), validated);
    match (ours.pointer(TEMPLATE), patched.pointer(TEMPLATE)) {
        (Some(ours), Some(patched)) => changed(ours, patched),
        _ => Vec::new(),
    }
}

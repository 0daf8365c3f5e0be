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
    let mut template = patched(ours(resolved), resolved);
    for list in ["containers", "initContainers"] {
        let containers = template["spec"].get_mut(list).and_then(Value::as_array_mut);
        containers.into_iter().flatten().for_each(pull_latest);
    }
    template
}

/// The API server fills in `imagePullPolicy` by the image's tag once, and keeps it when the image changes:
/// where it would be `Always` we say so, and take it back with the tag.
fn pull_latest(container: &mut Value) {
    let is_latest = container["image"].as_str().is_some_and(is_latest);
    if is_latest && container.get("imagePullPolicy").is_none() {
        container["imagePullPolicy"] = "Always".into();
    }
}

/// Without a tag and a digest it is, too.
fn is_latest(image: &str) -> bool {
    let (name, digest) = image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
    match name.rsplit_once(':') {
        Some((_, tag)) if !tag.contains('/') => tag == "latest",
        _ => digest.is_none(),
    }
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

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case("web:1", None)]
    #[case("web:latest", Some("Always"))]
    #[case("registry:5000/web", Some("Always"))]
    #[case("web@sha256:abc", None)]
    #[case("web:latest@sha256:abc", Some("Always"))]
    fn a_tag_that_moves_is_pulled_whatever_was_before(#[case] image: &str, #[case] policy: Option<&str>) {
        let mut resolved = ResolvedMicroservice::example();
        resolved.image = image.into();
        let built = build(&resolved);
        assert_eq!(built["spec"]["containers"][0].get("imagePullPolicy"), policy.map(|p| json!(p)).as_ref());
        resolved.spec.image_pull_policy = Some(crate::api::PullPolicy::IfNotPresent);
        assert_eq!(build(&resolved)["spec"]["containers"][0]["imagePullPolicy"], "IfNotPresent");
    }
}

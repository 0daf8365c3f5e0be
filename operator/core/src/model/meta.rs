//! Names, labels and owner references: the same for every child.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ManagedFieldsEntry, ObjectMeta};
use sha2::{Digest, Sha256};

use super::resolved::ResolvedMicroservice;
use crate::api::GROUP;

/// The value of `app.kubernetes.io/managed-by`, and our field manager.
pub const MANAGER: &str = "microservice-operator";

/// Field manager of a Deployment's `spec.replicas` while they pass to an autoscaler.
pub const REPLICAS_MANAGER: &str = "microservice-operator-replicas";

/// The label by which our watches find our objects.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// Selector label of the pods: minimal and never changed, for a Deployment's selector can't be.
pub const NAME_LABEL: &str = "microservice.dev/name";

/// On pods: the Microservice they belong to (its name may be longer than a label may be).
pub const OWNER_ANNOTATION: &str = "microservice.dev/microservice";

/// On children: digest of what we last applied, so that a field that we stop sending is noticed.
pub const APPLIED_ANNOTATION: &str = "microservice.dev/applied";

/// On running pods: a change makes the kubelet refresh their volumes at once.
pub const CONCURRENCY_ANNOTATION: &str = "microservice.dev/concurrency";

/// On the Deployment: who decided the number of pods, for the next reconcile (`plan::replicas`).
pub const REPLICAS_ANNOTATION: &str = "microservice.dev/replicas";

/// On the Deployment: the number of workers that the pod template's resources are for, and a digest of
/// all else in it (`plan::resize`).
pub const RESOURCES_ANNOTATION: &str = "microservice.dev/resources";

/// On pods: the names of the immutable ConfigMaps that they are started with, `NAME,NAME`. On a
/// ControllerRevision: those of the last pod templates, its own first, `NAME,NAME NAME`.
///
/// An earlier operator, which had none, put a digest into that of pods, and none on revisions.
pub const CONFIG_ANNOTATION: &str = "microservice.dev/config";

/// What of a Microservice an object is, where its kind does not tell.
pub const COMPONENT_LABEL: &str = "app.kubernetes.io/component";

/// Of the ConfigMaps that pods are started with.
pub const CONFIGURATION: &str = "configuration";

/// On the Deployment: digest of the pod template that we last applied; another one is a rollout.
pub const TEMPLATE_ANNOTATION: &str = "microservice.dev/template";

/// On the Deployment: why its pod template was last changed, as `status.lastRollout` tells it. Written
/// with the change itself, so that it is known whatever happens before the status is written.
pub const ROLLOUT_ANNOTATION: &str = "microservice.dev/rollout";

/// On the pod template: the versions of the Secrets and ConfigMaps that the spec names.
pub const REFERENCES_ANNOTATION: &str = "microservice.dev/references";

/// On the pod template: what `kubectl rollout restart` sets. Never ours.
pub const RESTARTED_ANNOTATION: &str = "kubectl.kubernetes.io/restartedAt";

/// On a ControllerRevision: counts the revisions of a Microservice.
pub const REVISION_NUMBER_ANNOTATION: &str = "microservice.dev/number";

/// On a ControllerRevision: the spec's generation that it was made of.
pub const REVISION_GENERATION_ANNOTATION: &str = "microservice.dev/generation";

/// On a ControllerRevision: digest of the spec.
pub const REVISION_SPEC_ANNOTATION: &str = "microservice.dev/spec";

/// On a ControllerRevision: digest of what was made of it.
pub const REVISION_RENDERING_ANNOTATION: &str = "microservice.dev/rendering";

/// On a ControllerRevision: why it was made, as JSON; missing where it is the first.
pub const REVISION_CAUSE_ANNOTATION: &str = "microservice.dev/why";

/// On a ControllerRevision: what became of its rollout, once that is known.
pub const REVISION_OUTCOME_ANNOTATION: &str = "microservice.dev/outcome";

/// Longest name of a Service, and longest value of a label.
const MAX_NAME: usize = 63;

/// The name of all children of a Microservice: its own where that is a DNS label (a Service needs
/// one: at most 63 lower-case letters, digits and -, a letter first), else shortened and made
/// unique by a digest.
pub fn child_name(name: &str) -> String {
    let mut label: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    if !label.starts_with(|c: char| c.is_ascii_alphabetic()) {
        label.insert_str(0, "m-");
    }
    if label == name && label.len() <= MAX_NAME {
        return label;
    }
    shortened(label, "", name)
}

/// The name of a child beside the one that all share.
pub fn suffixed(child_name: &str, suffix: &str) -> String {
    let name = format!("{child_name}-{suffix}");
    if name.len() <= MAX_NAME {
        return name;
    }
    shortened(child_name.to_owned(), &format!("-{suffix}"), child_name)
}

/// How the names begin that are made from a child's: those of its revisions and its configuration, and of its
/// pods, of which the API server keeps so much and adds an end of its own.
pub fn derived_prefix(child_name: &str) -> String {
    const KEPT: usize = 58;
    let mut prefix = format!("{child_name}-");
    prefix.truncate(KEPT);
    prefix
}

/// As much of `label` as fits beside a digest of `whole` and the end.
fn shortened(mut label: String, end: &str, whole: &str) -> String {
    let digest = digest(whole.as_bytes());
    let digest = &digest[..8];
    label.truncate(MAX_NAME - 1 - digest.len() - end.len());
    format!("{}-{digest}{end}", label.trim_end_matches('-'))
}

/// Where the Service of this name is reached inside the cluster.
pub fn service_url(child_name: &str, namespace: &str) -> String {
    format!("http://{child_name}.{namespace}.svc")
}

/// First 16 hex digits of the SHA-256 of `bytes`.
pub fn digest(bytes: &[u8]) -> String {
    let mut first = [0; 8];
    first.copy_from_slice(&Sha256::digest(bytes)[..8]);
    format!("{:016x}", u64::from_be_bytes(first))
}

/// The pods' selector.
pub(crate) fn selector_labels(resolved: &ResolvedMicroservice) -> BTreeMap<String, String> {
    BTreeMap::from([(NAME_LABEL.into(), resolved.child_name.clone())])
}

/// The pods' selector, as a Deployment and a ServiceMonitor want it.
pub(crate) fn selector(resolved: &ResolvedMicroservice) -> LabelSelector {
    LabelSelector { match_labels: Some(selector_labels(resolved)), ..Default::default() }
}

/// By these a ServiceMonitor selects the Service of the metrics, and no other.
pub(crate) fn metrics_labels(resolved: &ResolvedMicroservice) -> BTreeMap<String, String> {
    let mut labels = selector_labels(resolved);
    labels.insert(COMPONENT_LABEL.into(), "metrics".into());
    labels
}

/// Labels of every child and of the pods.
pub(crate) fn labels(resolved: &ResolvedMicroservice) -> BTreeMap<String, String> {
    let mut labels = selector_labels(resolved);
    labels.extend([
        ("app.kubernetes.io/name".into(), resolved.child_name.clone()),
        (MANAGED_BY.into(), MANAGER.into()),
        ("app.kubernetes.io/part-of".into(), GROUP.into()),
    ]);
    labels
}

/// Metadata of every child: the owner reference makes the garbage collector remove it with its
/// Microservice, also while no operator runs, so there is no finalizer.
pub fn object_meta(resolved: &ResolvedMicroservice) -> ObjectMeta {
    let common = &resolved.spec.common_metadata;
    let meta = ObjectMeta {
        name: Some(resolved.child_name.clone()),
        namespace: Some(resolved.namespace.clone()),
        labels: Some(labels(resolved)),
        owner_references: Some(vec![resolved.owner.clone()]),
        ..Default::default()
    };
    annotated(labelled(meta, &common.labels), &common.annotations)
}

/// With more annotations.
pub(crate) fn annotated(mut meta: ObjectMeta, annotations: &BTreeMap<String, String>) -> ObjectMeta {
    if !annotations.is_empty() {
        meta.annotations.get_or_insert_default().extend(annotations.clone());
    }
    meta
}

/// As [`object_meta`], with the labels by which a Prometheus selects.
pub(crate) fn monitoring_meta(resolved: &ResolvedMicroservice) -> ObjectMeta {
    labelled(object_meta(resolved), &resolved.spec.monitoring.labels)
}

/// With more labels, which win: of the user's the API lets none through that we need.
pub(crate) fn labelled(mut meta: ObjectMeta, labels: &BTreeMap<String, String>) -> ObjectMeta {
    meta.labels.get_or_insert_default().extend(labels.clone());
    meta
}

/// Is it the API server's record of what we applied, and so own?
pub fn is_ours(entry: &ManagedFieldsEntry) -> bool {
    entry.manager.as_deref() == Some(MANAGER)
        && entry.operation.as_deref() == Some("Apply")
        && entry.subresource.as_deref().unwrap_or_default().is_empty()
}

#[cfg(test)]
mod tests {
    use super::{child_name, derived_prefix, suffixed};
    use rstest::rstest;

    #[rstest]
    #[case("hello", "hello")]
    #[case("hello.world", "hello-world-cb0d8355")]
    #[case("7up", "m-7up-be39b1e7")]
    fn names_are_dns_labels(#[case] name: &str, #[case] expected: &str) {
        assert_eq!(child_name(name), expected);
    }

    /// peers: opentelemetry-operator#596, jaeger-operator#487, azure-service-operator#4734
    #[test]
    fn long_names_are_shortened_and_stay_different() {
        let (a, b) =
            (child_name(&format!("{}a", "x".repeat(80))), child_name(&format!("{}b", "x".repeat(80))));
        assert_eq!((a.len(), b.len()), (63, 63));
        assert_ne!(a, b);
    }

    #[test]
    fn a_suffix_stays_and_the_name_short() {
        assert_eq!(suffixed("hello", "dashboard"), "hello-dashboard");
        let (a, b) = (format!("{}a", "x".repeat(62)), format!("{}b", "x".repeat(62)));
        let (a, b) = (suffixed(&a, "dashboard"), suffixed(&b, "dashboard"));
        assert_eq!((a.len(), b.len()), (63, 63));
        assert!(a.ends_with("-dashboard") && a != b, "{a} {b}");
    }

    #[test]
    fn what_is_made_from_a_name_begins_as_it_does() {
        for name in ["a", &"x".repeat(57), &"x".repeat(58), &"x".repeat(63)] {
            let prefix = derived_prefix(name);
            let pods = format!("{name}-5f7d9c8b6d-");
            assert!(pods[..pods.len().min(58)].starts_with(&prefix), "{prefix}");
            assert!(format!("{name}-0123456789abcdef").starts_with(&prefix), "{prefix}");
        }
        assert!(!"bench-10-x".starts_with(&derived_prefix("bench-1")));
    }

    #[test]
    fn a_dotted_name_never_takes_the_dashed_one_s_place() {
        assert_ne!(child_name("a.b"), child_name("a-b"));
    }
}

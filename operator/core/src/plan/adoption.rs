//! Pure: whose is a child? Ours is what our Microservice's uid owns. A backup and `--cascade=orphan` strip
//! owners, and in another cluster a Microservice has another uid: what carries our labels and has no other
//! controller is ours again.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource, ResourceExt, core::DynamicObject};

use crate::{
    api::{GROUP, Microservice},
    model::meta::{MANAGED_BY, MANAGER, NAME_LABEL, child_name},
};

/// Does the Microservice of this uid own it?
pub fn is_owned(object: &DynamicObject, uid: &str) -> bool {
    object.owner_references().iter().any(|owner| owner.uid == uid)
}

/// Did it belong to the Microservice before it lost its owner? It has the name of a child.
pub fn is_orphan(object: &DynamicObject, microservice: &Microservice) -> bool {
    let label = |name: &str| object.labels().get(name).map(String::as_str);
    let Some(ours) = microservice.controller_owner_ref(&()) else { return false };
    let mut owners = object.owner_references().iter();
    object.metadata.deletion_timestamp.is_none()
        && label(MANAGED_BY) == Some(MANAGER)
        && label(NAME_LABEL) == Some(&child_name(&microservice.name_any()))
        && !owners.any(|owner| owner.controller == Some(true) && !is_former(owner, &ours))
}

/// Is it an earlier Microservice of our name? There is one of a name at a time, so that one is gone.
pub fn is_former(owner: &OwnerReference, ours: &OwnerReference) -> bool {
    let group = owner.api_version.split_once('/').map(|(group, _)| group);
    group == Some(GROUP) && owner.kind == ours.kind && owner.name == ours.name && owner.uid != ours.uid
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn owner(kind: &str, name: &str, uid: &str, controller: bool) -> Value {
        let group = if kind == "Microservice" { GROUP } else { "apps" };
        json!([{"apiVersion": format!("{group}/v1"), "kind": kind, "name": name, "uid": uid, "controller": controller}])
    }

    #[rstest]
    #[case::stripped_by_a_backup(json!({"ownerReferences": []}), true)]
    #[case::of_another_cluster(json!({"ownerReferences": owner("Microservice", "shop.eu", "old", true)}), true)]
    #[case::owned_but_not_controlled(json!({"ownerReferences": owner("Deployment", "x", "u", false)}), true)]
    #[case::of_another_controller(json!({"ownerReferences": owner("Deployment", "x", "u", true)}), false)]
    #[case::of_another_microservice(json!({"ownerReferences": owner("Microservice", "other", "u", true)}), false)]
    #[case::of_another_manager(json!({"labels": {"app.kubernetes.io/managed-by": "Helm", "microservice.dev/name": "shop-eu-22f2d6ef"}}), false)]
    #[case::without_our_labels(json!({"labels": {}}), false)]
    #[case::on_its_way_out(json!({"deletionTimestamp": "2026-01-01T00:00:00Z"}), false)]
    fn only_what_was_ours_and_has_no_other_controller_is_ours_again(
        #[case] metadata: Value,
        #[case] expected: bool,
    ) {
        let mut microservice = Microservice::new("shop.eu", serde_json::from_str("{}").unwrap());
        microservice.metadata.uid = Some("uid".into());
        let name = child_name("shop.eu");
        let labels = json!({"app.kubernetes.io/managed-by": MANAGER, "microservice.dev/name": name});
        let mut object = json!({"metadata": {"name": name, "labels": labels}});
        object["metadata"].as_object_mut().unwrap().extend(metadata.as_object().unwrap().clone());
        let object = serde_json::from_value(object).unwrap();
        assert_eq!(is_orphan(&object, &microservice), expected);
        assert!(!is_owned(&object, "uid"));
    }
}

//! Secrets and ConfigMaps that a spec names: whether they exist, and new pods when their content
//! changes. Only their metadata is ever asked for.

mod named;
mod versions;
mod watch;

use std::collections::BTreeMap;

use kube::api::DynamicObject;
use serde_json::Value;

pub use named::{Reference, ReferenceKind, references};
pub use watch::{References, Seen, watch};

use super::store::template_annotation;
use crate::{
    api::ReferenceChange,
    build::{Child, meta::REFERENCES_ANNOTATION},
};

/// Puts the versions of the references into the pod template, so that another version means new pods.
/// Gives what was put.
pub fn mark(
    desired: &mut [(Child, Value)],
    found: &[(Reference, Seen)],
    policy: ReferenceChange,
    live: Option<&DynamicObject>,
) -> Option<String> {
    let text = match policy {
        ReferenceChange::Restart => text(found),
        // What stands there stays: taking it away would be a rollout.
        ReferenceChange::Ignore => {
            live.and_then(|live| template_annotation(live, REFERENCES_ANNOTATION)).map(ToOwned::to_owned)
        }
    }?;
    for (child, body) in desired {
        if *child == Child::Deployment {
            body["spec"]["template"]["metadata"]["annotations"][REFERENCES_ANNOTATION] = text.clone().into();
        }
    }
    Some(text)
}

/// `ConfigMap/a=VERSION Secret/b=VERSION`, each once.
fn text(found: &[(Reference, Seen)]) -> Option<String> {
    let versions: BTreeMap<_, _> = found
        .iter()
        .filter_map(|(reference, seen)| match seen {
            Seen::Version(version) => Some((reference.id(), format!("{version:016x}"))),
            Seen::Missing => Some((reference.id(), "none".into())),
            Seen::Unwatched => None,
        })
        .collect();
    let words: Vec<_> = versions.iter().map(|(id, version)| format!("{id}={version}")).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// The objects whose versions differ.
pub fn changed(before: &str, after: &str) -> Vec<String> {
    let parse = |text: &'_ str| -> BTreeMap<String, String> {
        let pairs = text.split(' ').filter_map(|word| word.split_once('='));
        pairs.map(|(id, version)| (id.to_owned(), version.to_owned())).collect()
    };
    let (before, after) = (parse(before), parse(after));
    let ids = before.keys().chain(after.keys()).filter(|id| before.get(*id) != after.get(*id));
    ids.cloned().collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(version: u64) -> Vec<(Reference, Seen)> {
        let spec = json!({"env": [
            {"name": "A", "valueFrom": {"secretKeyRef": {"name": "database", "key": "url"}}},
            {"name": "B", "valueFrom": {"secretKeyRef": {"name": "database", "key": "user"}}},
        ]});
        let all = references(&serde_json::from_value(spec).unwrap());
        all.into_iter().map(|reference| (reference, Seen::Version(version))).collect()
    }

    fn deployment() -> Vec<(Child, Value)> {
        vec![(Child::Deployment, json!({}))]
    }

    /// peers: open-liberty-operator#616, mcp-lifecycle-operator#95
    #[test]
    fn another_version_is_another_pod_template() {
        let (mut one, mut two) = (deployment(), deployment());
        let before = mark(&mut one, &found(1), ReferenceChange::Restart, None).unwrap();
        let after = mark(&mut two, &found(2), ReferenceChange::Restart, None).unwrap();
        assert_ne!(one, two);
        assert_eq!(before, "Secret/database=0000000000000001");
        assert_eq!(changed(&before, &after), ["Secret/database"]);
    }

    #[test]
    fn who_does_not_want_it_gets_no_new_pods() {
        let mut before = deployment();
        mark(&mut before, &found(1), ReferenceChange::Restart, None).unwrap();
        let live: DynamicObject =
            serde_json::from_value(json!({"metadata": {}, "spec": before[0].1["spec"]})).unwrap();
        let mut after = deployment();
        mark(&mut after, &found(2), ReferenceChange::Ignore, Some(&live));
        assert_eq!(before, after);
        assert_eq!(mark(&mut after, &found(2), ReferenceChange::Ignore, None), None);
    }
}

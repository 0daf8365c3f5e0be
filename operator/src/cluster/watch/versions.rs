//! Pure: versions of objects, by their metadata alone, and all that is remembered of them.

use std::hash::{BuildHasher, RandomState};

use kube::{api::ObjectMeta, runtime::watcher::Event};
use operator_core::model::meta::digest;
use serde_json::json;

use super::listing::Listing;

/// Of an object's content. It is the same as long as the content is, whatever becomes of the object's
/// labels and annotations, for the API server notes with each owner of fields when it last changed
/// one. Who owns content and changes a label of its own also gets another version.
pub fn version(meta: &ObjectMeta) -> u64 {
    let entries = meta.managed_fields.iter().flatten();
    let owners: Vec<_> = entries
        .filter(|entry| {
            let fields = entry.fields_v1.as_ref().and_then(|fields| fields.0.as_object());
            fields.is_some_and(|fields| fields.contains_key("f:data") || fields.contains_key("f:binaryData"))
        })
        .map(|entry| json!([entry.manager, entry.operation, entry.time, entry.fields_v1]))
        .collect();
    // Nobody is told to own the content: any change may be one of it.
    let whole = owners.is_empty().then_some(&meta.resource_version);
    let text = json!([meta.uid, owners, whole]).to_string();
    u64::from_str_radix(&digest(text.as_bytes()), 16).unwrap_or_default()
}

/// The versions of all objects of a kind that one watch sees. Of each only two numbers are
/// kept, so that all Secrets and ConfigMaps of a large cluster are a few megabytes.
#[derive(Debug, Default)]
pub struct Versions {
    /// By a hash of namespace and name.
    all: Listing<u64, u64>,
    hasher: RandomState,
}

/// An object whose version is another than before; none is one that is not there.
pub struct Change {
    /// Its key.
    pub key: u64,
    /// What it was.
    pub before: Option<u64>,
}

impl Versions {
    /// Under which an object is kept.
    pub fn key(&self, namespace: &str, name: &str) -> u64 {
        self.hasher.hash_one((namespace, name))
    }

    /// Are they complete?
    pub fn is_listed(&self) -> bool {
        self.all.is_listed()
    }

    /// The object's version, if there is one.
    pub fn get(&self, key: u64) -> Option<u64> {
        self.all.found().get(&key).copied()
    }

    /// Takes in what the watch says. Gives what it changed.
    pub fn handle(&mut self, event: &Event<ObjectMeta>) -> Vec<Change> {
        let key = |versions: &Self, meta: &ObjectMeta| {
            versions
                .key(meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default())
        };
        let change = |key, before: Option<u64>, after: Option<u64>| {
            if before == after { Vec::new() } else { vec![Change { key, before }] }
        };
        match event {
            Event::Init => {
                self.all.begin();
                Vec::new()
            }
            Event::InitApply(meta) => {
                self.all.list(key(self, meta), version(meta));
                Vec::new()
            }
            Event::InitDone => {
                let before = self.all.swap();
                let found = self.all.found();
                let came = found.keys().copied().filter(|key| !before.contains_key(key));
                let came: Vec<_> = came.map(|key| Change { key, before: None }).collect();
                let others = before.into_iter().filter(|(key, then)| found.get(key) != Some(then));
                let others = others.map(|(key, then)| Change { key, before: Some(then) });
                others.chain(came).collect()
            }
            Event::Apply(meta) => {
                let (key, after) = (key(self, meta), version(meta));
                change(key, self.all.insert(key, after), Some(after))
            }
            Event::Delete(meta) => {
                let key = key(self, meta);
                change(key, self.all.remove(&key), None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn meta(version: &str, managers: &Value) -> ObjectMeta {
        serde_json::from_value(json!({"namespace": "n", "name": "a", "uid": "u", "resourceVersion": version, "managedFields": managers})).unwrap()
    }

    fn owner(manager: &str, time: &str, field: &str) -> Value {
        json!({"manager": manager, "operation": "Update", "time": time, "fieldsV1": {field: {}}})
    }

    const FIRST: &str = "2026-01-01T00:00:00Z";
    const LATER: &str = "2026-01-01T00:00:09Z";

    #[test]
    fn a_label_of_somebody_else_is_no_other_content() {
        let content = owner("kubectl-create", FIRST, "f:data");
        let before = version(&meta("1", &json!([content])));
        let label = owner("kubectl-label", LATER, "f:metadata");
        assert_eq!(version(&meta("2", &json!([content, label]))), before);
        let changed = owner("kubectl-create", LATER, "f:data");
        assert_ne!(version(&meta("3", &json!([changed]))), before);
        let other = owner("kubectl-edit", FIRST, "f:data");
        assert_ne!(version(&meta("3", &json!([content, other]))), before);
    }

    #[test]
    fn without_owners_every_change_counts() {
        assert_ne!(version(&meta("1", &json!([]))), version(&meta("2", &json!([]))));
    }

    #[test]
    fn changes_are_told_also_those_that_nobody_watched() {
        let mut versions = Versions::default();
        let (one, two) = (meta("1", &json!([])), meta("2", &json!([])));
        let key = versions.key("n", "a");
        assert!(!versions.is_listed());
        versions.handle(&Event::Init);
        versions.handle(&Event::InitApply(one.clone()));
        assert_eq!(versions.handle(&Event::InitDone).len(), 1);
        assert!(versions.is_listed());
        assert!(versions.handle(&Event::Apply(one.clone())).is_empty());
        assert_eq!(versions.handle(&Event::Apply(two.clone()))[0].before, Some(version(&one)));
        versions.handle(&Event::Init);
        assert_eq!(versions.get(key), Some(version(&two)), "until the new list is whole the old one holds");
        assert_eq!(versions.handle(&Event::InitDone)[0].before, Some(version(&two)));
        assert_eq!(versions.get(key), None);
    }
}

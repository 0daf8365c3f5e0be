//! What the watches found of our children. An object's content is kept only until a reconcile has
//! seen that it is as wanted: at rest there is little to remember and nothing to compare.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry, ObjectMeta};
use kube::{ResourceExt, api::DynamicObject, runtime::watcher::Event};
use operator_core::{
    manifests::is_earlier,
    model::{
        meta::{REFERENCES_ANNOTATION, RESTARTED_ANNOTATION, is_ours},
        object::template_annotation,
    },
    observed::Entry,
    plan::adoption::is_owned,
};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{listing::Listing, scope::WatchNamespace};

/// All objects of one kind. Each watch, of a namespace or of them all, fills its part.
#[derive(Clone, Debug, Default)]
pub struct Store(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    objects: RwLock<Objects>,
    /// Which of the watches listed all.
    listed: watch::Sender<BTreeSet<WatchNamespace>>,
}

/// By the watch that sees them.
#[derive(Debug, Default)]
struct Objects(BTreeMap<WatchNamespace, Listing<Name, Entry>>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    namespace: String,
    name: String,
}

impl Objects {
    /// The watch of the namespace itself, or of the whole cluster.
    fn watch_of<'a>(&self, namespace: &'a str) -> &'a str {
        if self.0.contains_key(namespace) { namespace } else { "" }
    }

    fn of(&self, namespace: &str) -> Option<&Listing<Name, Entry>> {
        self.0.get(self.watch_of(namespace))
    }

    fn within(&mut self, watched: &str) -> &mut Listing<Name, Entry> {
        self.0.entry(watched.to_owned()).or_default()
    }
}

impl Store {
    /// The object of this name.
    pub fn get(&self, namespace: &str, name: &str) -> Option<Entry> {
        let name = Name { namespace: namespace.into(), name: name.into() };
        self.read().of(namespace)?.found().get(&name).cloned()
    }

    /// All objects of an owner that are named after it, `CHILDNAME-...`.
    pub fn owned_by(&self, namespace: &str, child_name: &str, uid: &str) -> Vec<Arc<DynamicObject>> {
        let first = Name { namespace: namespace.into(), name: format!("{child_name}-") };
        let objects = self.read();
        let from =
            objects.of(namespace).into_iter().flat_map(|listing| listing.found().range(first.clone()..));
        let named =
            from.take_while(|(name, _)| name.namespace == namespace && name.name.starts_with(&first.name));
        named.map(|(_, entry)| &entry.object).filter(|object| is_owned(object, uid)).cloned().collect()
    }

    /// Waits until a watch, of a namespace or of them all, has listed its objects once.
    pub async fn ready_in(&self, watched: &str) {
        // The sender lives as long as we do.
        let _ = self.0.listed.subscribe().wait_for(|listed| listed.contains(watched)).await;
    }

    /// Takes in what the watch of the whole cluster says. Gives the objects that something happened to.
    pub fn handle(&self, event: Event<DynamicObject>) -> Vec<Arc<DynamicObject>> {
        self.handle_within("", event)
    }

    /// Takes in what the watch of a namespace says. Gives the objects that something happened to.
    pub fn handle_within(&self, watched: &str, event: Event<DynamicObject>) -> Vec<Arc<DynamicObject>> {
        let mut objects = self.write();
        let listing = objects.within(watched);
        match event {
            Event::Init => {
                listing.begin();
                Vec::new()
            }
            Event::InitApply(object) => {
                let name = Name::of(&object);
                let known = listing.found().get(&name);
                let entry = match known.filter(|k| k.object.resource_version() == object.resource_version()) {
                    Some(known) => known.clone(),
                    None => fresh(object),
                };
                let object = entry.object.clone();
                listing.list(name, entry);
                vec![object]
            }
            Event::InitDone => {
                let before = listing.swap();
                self.0.listed.send_if_modified(|listed| listed.insert(watched.to_owned()));
                // Deleted while nobody watched.
                let gone = before.into_iter().filter(|(name, _)| !listing.found().contains_key(name));
                gone.map(|(_, entry)| entry.object).collect()
            }
            Event::Apply(object) => {
                let (name, entry) = (Name::of(&object), fresh(object));
                let object = entry.object.clone();
                let before = listing.insert(name, entry).map(|before| before.object);
                // Whom it belonged to has to see that it does no longer.
                let lost = before.filter(|before| before.owner_references() != object.owner_references());
                [Some(object), lost].into_iter().flatten().collect()
            }
            Event::Delete(object) => {
                listing.remove(&Name::of(&object));
                vec![Arc::new(object)]
            }
        }
    }

    /// We wrote it ourselves: known at once, not only when the watch tells of it.
    pub fn remember(&self, object: DynamicObject) {
        let mut objects = self.write();
        let name = Name::of(&object);
        let watched = objects.watch_of(&name.namespace).to_owned();
        objects.within(&watched).insert(name, fresh(object));
    }

    /// We deleted it ourselves.
    pub fn forget(&self, namespace: &str, name: &str) {
        let mut objects = self.write();
        let watched = objects.watch_of(namespace);
        objects.within(watched).remove(&Name { namespace: namespace.into(), name: name.into() });
    }

    /// The kind is gone, and all its objects with it.
    pub fn clear(&self) {
        *self.write() = Objects::default();
    }

    /// `seen` is what is wanted, by its digest: most of it need not be kept any more.
    pub fn settle(&self, seen: &DynamicObject, digest: &str) {
        let mut objects = self.write();
        let name = Name::of(seen);
        let watched = objects.watch_of(&name.namespace).to_owned();
        if let Some(entry) = objects.within(&watched).get_mut(&name)
            && entry.object.metadata.resource_version == seen.metadata.resource_version
        {
            *entry = Entry { object: Arc::new(slim(seen)), settled: Some(digest.to_owned()) };
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Objects> {
        self.0.objects.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Objects> {
        self.0.objects.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Name {
    fn of(object: &DynamicObject) -> Self {
        Self { namespace: object.namespace().unwrap_or_default(), name: object.name_any() }
    }
}

/// Nobody has looked at it yet.
fn fresh(object: DynamicObject) -> Entry {
    Entry { object: Arc::new(trim(object)), settled: None }
}

/// Who owns which field is a third of an object; of that only what is ours is read, and it is kept as text,
/// for a tree of JSON takes several times as much.
fn trim(mut object: DynamicObject) -> DynamicObject {
    let entries = object.metadata.managed_fields.take().into_iter().flatten();
    let ours = entries.filter(is_ours).map(|mut entry| {
        entry.fields_v1 = entry.fields_v1.map(|fields| FieldsV1(fields.0.to_string().into()));
        entry
    });
    object.metadata.managed_fields = Some(ours.collect());
    object
}

fn is_immutable(object: &DynamicObject) -> bool {
    object.data.get("immutable") == Some(&json!(true))
}

/// What a reconcile still reads of an object that is as wanted: whose it is, how it fares, and where
/// it leads.
fn slim(object: &DynamicObject) -> DynamicObject {
    let mut data = json!({});
    if let Some(status) = object.data.get("status") {
        data["status"] = status.clone();
    }
    if let Some(replicas) = object.data.pointer("/spec/replicas") {
        data["spec"] = json!({ "replicas": replicas });
    }
    if let Some(ports) = object.data.pointer("/spec/ports") {
        data["spec"]["ports"] = ports.clone();
    }
    // Of an earlier operator, whose pods still need it.
    let files = object.data.get("data").and_then(Value::as_object).filter(|_| !is_immutable(object));
    for (key, file) in files.into_iter().flatten().filter(|(key, _)| is_earlier(key)) {
        data["data"][key] = file.clone();
    }
    for name in [RESTARTED_ANNOTATION, REFERENCES_ANNOTATION] {
        if let Some(value) = template_annotation(object, name) {
            data["spec"]["template"]["metadata"]["annotations"][name] = value.into();
        }
    }
    // When we last wrote it is still asked for.
    let entries = object.managed_fields().iter().filter(|entry| is_ours(entry));
    let entries = entries.map(|entry| ManagedFieldsEntry { fields_v1: None, ..entry.clone() }).collect();
    let metadata = ObjectMeta { managed_fields: Some(entries), ..object.metadata.clone() };
    DynamicObject { types: object.types.clone(), metadata, data }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(version: &str, rest: &Value) -> DynamicObject {
        let mut object = json!({"metadata": {"namespace": "n", "name": "a", "uid": "u", "resourceVersion": version, "managedFields": [
            {"manager": "microservice-operator", "operation": "Apply", "fieldsV1": {"f:spec": {}}},
            {"manager": "kubelet", "operation": "Update", "fieldsV1": {"f:status": {}}},
        ]}});
        object.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        serde_json::from_value(object).unwrap()
    }

    fn whole(version: &str) -> DynamicObject {
        object(version, &json!({"spec": {"replicas": 2, "template": {}}, "status": {"readyReplicas": 1}}))
    }

    #[test]
    fn what_is_as_wanted_is_kept_no_longer_than_needed() {
        let store = Store::default();
        store.handle(Event::Apply(whole("1")));
        let seen = store.get("n", "a").unwrap();
        assert!(seen.object.data.pointer("/spec/template").is_some());
        assert_eq!(seen.object.managed_fields().len(), 1);
        store.settle(&seen.object, "digest");
        let settled = store.get("n", "a").unwrap();
        assert_eq!(settled.settled.as_deref(), Some("digest"));
        assert_eq!(settled.object.managed_fields()[0].fields_v1, None);
        assert_eq!(settled.object.data, json!({"spec": {"replicas": 2}, "status": {"readyReplicas": 1}}));
    }

    #[test]
    fn of_a_config_map_only_files_of_an_earlier_operator_are_kept() {
        let data = json!({"concurrency": "4", "service.yaml": "a: b"});
        let kept = |map: Value| slim(&object("1", &map)).data;
        assert_eq!(kept(json!({"data": data})), json!({"data": {"service.yaml": "a: b"}}));
        assert_eq!(kept(json!({"data": data, "immutable": true})), json!({}));
        assert_eq!(kept(json!({"data": {"concurrency": "4"}})), json!({}));
    }

    #[test]
    fn what_an_owner_has_is_found_by_name_among_what_others_have() {
        let store = Store::default();
        let named = |namespace: &str, name: &str, uid: &str| {
            let owner = json!({"apiVersion": "v1", "kind": "Microservice", "name": "m", "uid": uid});
            let metadata = json!({"namespace": namespace, "name": name, "ownerReferences": [owner]});
            store.handle(Event::Apply(serde_json::from_value(json!({"metadata": metadata})).unwrap()));
        };
        for name in ["a", "a-1", "a-files-2", "a1", "b-1"] {
            named("n", name, "a");
        }
        named("n", "a-b-1", "ab");
        named("o", "a-1", "other");
        let found: Vec<_> = store.owned_by("n", "a", "a").iter().map(|object| object.name_any()).collect();
        assert_eq!(found, ["a-1", "a-files-2"]);
    }

    #[test]
    fn a_change_unsettles_also_one_that_came_while_we_looked() {
        let store = Store::default();
        store.handle(Event::Apply(whole("1")));
        let seen = store.get("n", "a").unwrap();
        store.handle(Event::Apply(whole("2")));
        store.settle(&seen.object, "digest");
        assert_eq!(store.get("n", "a").unwrap().settled, None);
    }

    #[test]
    fn who_loses_an_object_hears_of_it() {
        let store = Store::default();
        let owned = json!({"apiVersion": "v1", "kind": "Microservice", "name": "m", "uid": "u"});
        let mut object = whole("1");
        object.metadata.owner_references = Some(vec![serde_json::from_value(owned).unwrap()]);
        store.handle(Event::Apply(object.clone()));
        let told = store.handle(Event::Apply(whole("2")));
        assert!(told.iter().any(|told| told.owner_references() == object.owner_references()), "{told:?}");
        assert_eq!(store.handle(Event::Apply(whole("3"))).len(), 1);
    }

    #[test]
    fn listing_anew_keeps_what_did_not_change_and_tells_of_what_is_gone() {
        let store = Store::default();
        store.handle(Event::Apply(whole("1")));
        store.settle(&store.get("n", "a").unwrap().object, "digest");
        store.handle(Event::Init);
        store.handle(Event::InitApply(whole("1")));
        assert!(store.handle(Event::InitDone).is_empty());
        assert!(store.get("n", "a").unwrap().settled.is_some());
        store.handle(Event::Init);
        assert!(store.get("n", "a").is_some(), "until the new list is whole the old one holds");
        assert_eq!(store.handle(Event::InitDone).len(), 1);
        assert!(store.get("n", "a").is_none());
    }

    #[tokio::test]
    async fn each_namespace_is_listed_by_itself() {
        let store = Store::default();
        store.handle_within("n", Event::Init);
        store.handle_within("n", Event::InitApply(whole("1")));
        store.handle_within("n", Event::InitDone);
        store.handle_within("other", Event::Init);
        store.ready_in("n").await;
        let other = store.ready_in("other");
        assert!(futures::FutureExt::now_or_never(other).is_none(), "and holds up no other");
        assert!(store.handle_within("other", Event::InitDone).is_empty(), "what is in n is not its business");
        store.ready_in("other").await;
        assert!(store.get("n", "a").is_some());
    }

    #[tokio::test]
    async fn a_store_is_ready_when_everything_was_listed_once() {
        let store = Store::default();
        store.handle(Event::Init);
        assert!(futures::FutureExt::now_or_never(store.ready_in("")).is_none());
        store.handle(Event::InitDone);
        store.ready_in("").await;
    }
}

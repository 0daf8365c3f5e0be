//! What the watches found of our children and of their pods. All of it is kept as text: a tree of JSON, or a
//! type of Kubernetes', takes several times as much. Of a child whole content is kept only until a reconcile
//! has seen that it is as wanted: at rest there is little to remember and nothing to compare.

use std::{
    collections::{BTreeMap, BTreeSet},
    marker::PhantomData,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::{
    ResourceExt,
    api::{DynamicObject, ObjectMeta},
    runtime::watcher::Event,
};
use operator_core::{
    api::MicroserviceRef,
    manifests::is_earlier,
    model::{
        meta::{REFERENCES_ANNOTATION, RESTARTED_ANNOTATION, derived_prefix, is_ours},
        object::template_annotation,
    },
    observed::Entry,
    plan::adoption::is_owned,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{listing::Listing, scope::WatchNamespace, watched::Watched};

/// All objects of one kind. Each watch, of a namespace or of them all, fills its part.
#[derive(Debug)]
pub struct Store<T>(Arc<Shared<T>>);

#[derive(Debug)]
struct Shared<T> {
    objects: RwLock<Objects>,
    /// Which of the watches listed all.
    listed: watch::Sender<BTreeSet<WatchNamespace>>,
    of: PhantomData<fn(T) -> T>,
}

/// By the watch that sees them.
#[derive(Debug, Default)]
struct Objects(BTreeMap<WatchNamespace, Listing<Name, Kept>>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    namespace: String,
    name: String,
}

/// An object.
#[derive(Clone, Debug)]
struct Kept {
    version: Option<Box<str>>,
    /// JSON.
    text: Box<[u8]>,
    /// Digest of the wanted object that it was seen to match.
    settled: Option<Box<str>>,
}

impl Objects {
    /// The watch of the namespace itself, or of the whole cluster.
    fn watch_of<'a>(&self, namespace: &'a str) -> &'a str {
        if self.0.contains_key(namespace) { namespace } else { "" }
    }

    fn of(&self, namespace: &str) -> Option<&Listing<Name, Kept>> {
        self.0.get(self.watch_of(namespace))
    }

    fn within(&mut self, watched: &str) -> &mut Listing<Name, Kept> {
        self.0.entry(watched.to_owned()).or_default()
    }
}

impl<T: Watched> Store<T> {
    /// Those whose names are made from that of a child: pods, revisions, configuration.
    pub fn made_from(&self, namespace: &str, child_name: &str) -> Vec<T> {
        let prefix = derived_prefix(child_name);
        let objects = self.read();
        let first = Name { namespace: namespace.into(), name: prefix.clone() };
        let from_there =
            objects.of(namespace).into_iter().flat_map(|listing| listing.found().range(&first..));
        from_there
            .take_while(|(name, _)| name.namespace == namespace && name.name.starts_with(&prefix))
            .filter_map(|(_, kept)| kept.read())
            .collect()
    }

    /// Waits until a watch, of a namespace or of them all, has listed its objects once.
    pub async fn ready_in(&self, watched: &str) {
        // The sender lives as long as we do.
        let _ = self.0.listed.subscribe().wait_for(|listed| listed.contains(watched)).await;
    }

    /// Takes in what the watch of the whole cluster says. Gives the Microservices that it concerns.
    pub fn handle(&self, event: Event<T>) -> Vec<MicroserviceRef> {
        self.handle_within("", event)
    }

    /// Takes in what the watch of a namespace says. Gives the Microservices that it concerns.
    pub fn handle_within(&self, watched: &str, event: Event<T>) -> Vec<MicroserviceRef> {
        let owner = |object: &T| T::owner(object.meta());
        let owner_then = |kept: Kept| T::owner(&kept.metadata()?);
        let mut objects = self.write();
        let listing = objects.within(watched);
        match event {
            Event::Init => {
                listing.begin();
                Vec::new()
            }
            Event::InitApply(object) => {
                let (name, owner) = (Name::of(&object), owner(&object));
                let known = listing.found().get(&name);
                let known = known.filter(|known| known.version == version_of(&object)).cloned();
                listing.list(name, known.unwrap_or_else(|| Kept::fresh(object)));
                owner.into_iter().collect()
            }
            Event::InitDone => {
                let before = listing.swap();
                self.0.listed.send_if_modified(|listed| listed.insert(watched.to_owned()));
                // Deleted while nobody watched.
                let gone = before.into_iter().filter(|(name, _)| !listing.found().contains_key(name));
                gone.filter_map(|(_, kept)| owner_then(kept)).collect()
            }
            Event::Apply(object) => {
                let (name, owner) = (Name::of(&object), owner(&object));
                let before = listing.insert(name, Kept::fresh(object)).and_then(owner_then);
                // Whom it belonged to has to see that it does no longer.
                let lost = before.filter(|before| owner.as_ref() != Some(before));
                owner.into_iter().chain(lost).collect()
            }
            Event::Delete(object) => {
                listing.remove(&Name::of(&object));
                owner(&object).into_iter().collect()
            }
        }
    }

    /// We wrote it ourselves: known at once, not only when the watch tells of it.
    pub fn remember(&self, object: T) {
        let mut objects = self.write();
        let name = Name::of(&object);
        let watched = objects.watch_of(&name.namespace).to_owned();
        objects.within(&watched).insert(name, Kept::fresh(object));
    }

    /// We deleted it ourselves.
    pub fn forget(&self, namespace: &str, name: &str) {
        let mut objects = self.write();
        let watched = objects.watch_of(namespace);
        objects.within(watched).remove(&Name { namespace: namespace.into(), name: name.into() });
    }
}

impl Store<DynamicObject> {
    /// The object of this name.
    pub fn get(&self, namespace: &str, name: &str) -> Option<Entry> {
        let name = Name { namespace: namespace.into(), name: name.into() };
        let objects = self.read();
        let kept = objects.of(namespace)?.found().get(&name)?;
        let settled = kept.settled.as_deref().map(Into::into);
        Some(Entry { object: Arc::new(kept.read()?), settled })
    }

    /// Those made from a child that an owner has.
    pub fn owned_by(&self, namespace: &str, child_name: &str, uid: &str) -> Vec<DynamicObject> {
        let mut objects = self.made_from(namespace, child_name);
        objects.retain(|object| is_owned(object, uid));
        objects
    }

    /// `seen` is what is wanted, by its digest: most of it need not be kept any more.
    pub fn settle(&self, seen: &DynamicObject, digest: &str) {
        let mut objects = self.write();
        let name = Name::of(seen);
        let watched = objects.watch_of(&name.namespace).to_owned();
        if let Some(kept) = objects.within(&watched).get_mut(&name)
            && kept.version == version_of(seen)
        {
            *kept = Kept { settled: Some(digest.into()), ..Kept::of(&slim(seen)) };
        }
    }
}

impl<T> Store<T> {
    /// The kind is gone, and all its objects with it.
    pub fn clear(&self) {
        *self.write() = Objects::default();
    }

    fn read(&self) -> RwLockReadGuard<'_, Objects> {
        self.0.objects.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Objects> {
        self.0.objects.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for Store<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Store<T> {
    fn default() -> Self {
        let (objects, listed) = (RwLock::default(), watch::Sender::default());
        Self(Arc::new(Shared { objects, listed, of: PhantomData }))
    }
}

impl Kept {
    /// Nobody has looked at it yet.
    fn fresh(object: impl Watched) -> Self {
        Self::of(&object.trim())
    }

    fn of(object: &impl Watched) -> Self {
        // Every object of the API has a JSON form.
        let text = serde_json::to_vec(object).unwrap_or_default().into();
        Self { version: version_of(object), text, settled: None }
    }

    fn read<T: Watched>(&self) -> Option<T> {
        serde_json::from_slice(&self.text).ok()
    }

    /// Without a look at the rest.
    fn metadata(&self) -> Option<ObjectMeta> {
        #[derive(Deserialize)]
        struct Part {
            metadata: ObjectMeta,
        }
        serde_json::from_slice(&self.text).map(|Part { metadata }| metadata).ok()
    }
}

impl Name {
    fn of(object: &impl Watched) -> Self {
        let metadata = object.meta();
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Self { namespace: text(&metadata.namespace), name: text(&metadata.name) }
    }
}

fn version_of(object: &impl Watched) -> Option<Box<str>> {
    object.meta().resource_version.as_deref().map(Into::into)
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
        let found: Vec<_> = store.owned_by("n", "a", "a").iter().map(ResourceExt::name_any).collect();
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

    /// Of the Microservice m.
    fn owned(version: &str) -> DynamicObject {
        let owner = json!({"apiVersion": "microservice.dev/v1alpha1", "kind": "Microservice", "name": "m", "uid": "u"});
        let mut object = whole(version);
        object.metadata.owner_references = Some(vec![serde_json::from_value(owner).unwrap()]);
        object
    }

    #[test]
    fn who_loses_an_object_hears_of_it() {
        let store = Store::default();
        store.handle(Event::Apply(owned("1")));
        assert_eq!(store.handle(Event::Apply(whole("2"))), [MicroserviceRef::new("n", "m")]);
        assert!(store.handle(Event::Apply(whole("3"))).is_empty());
    }

    #[test]
    fn listing_anew_keeps_what_did_not_change_and_tells_of_what_is_gone() {
        let store = Store::default();
        store.handle(Event::Apply(owned("1")));
        store.settle(&store.get("n", "a").unwrap().object, "digest");
        store.handle(Event::Init);
        store.handle(Event::InitApply(owned("1")));
        assert!(store.handle(Event::InitDone).is_empty());
        assert!(store.get("n", "a").unwrap().settled.is_some());
        store.handle(Event::Init);
        assert!(store.get("n", "a").is_some(), "until the new list is whole the old one holds");
        assert_eq!(store.handle(Event::InitDone), [MicroserviceRef::new("n", "m")]);
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
        let store = Store::<DynamicObject>::default();
        store.handle(Event::Init);
        assert!(futures::FutureExt::now_or_never(store.ready_in("")).is_none());
        store.handle(Event::InitDone);
        store.ready_in("").await;
    }
}

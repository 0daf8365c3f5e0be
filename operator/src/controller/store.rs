//! What the watches found of our children. An object's content is kept only until a reconcile has
//! seen that it is as wanted: at rest there is little to remember and nothing to compare.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use kube::{ResourceExt, api::DynamicObject, runtime::watcher::Event};
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::watch;

use super::scope::Part;
use crate::build::meta::{REFERENCES_ANNOTATION, RESTARTED_ANNOTATION};

/// All objects of one kind.
#[derive(Clone, Debug)]
pub struct Store(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    objects: RwLock<Objects>,
    /// Which parts were listed, and how many there are.
    listed: watch::Sender<BTreeSet<Part>>,
    parts: usize,
}

#[derive(Debug, Default)]
struct Objects {
    found: HashMap<Name, Entry>,
    /// While all of a part are listed anew.
    listing: BTreeMap<Part, HashMap<Name, Entry>>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
struct Name {
    namespace: String,
    name: String,
}

/// One object.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Whole, or what [`slim`] leaves of it.
    pub object: Arc<DynamicObject>,
    /// Digest of the wanted object that it was seen to match.
    pub settled: Option<String>,
}

impl Default for Store {
    fn default() -> Self {
        Self::new(1)
    }
}

impl Store {
    /// A store that so many watches fill, each a part of the cluster.
    pub fn new(parts: usize) -> Self {
        let listed = watch::Sender::default();
        Self(Arc::new(Shared { objects: RwLock::default(), listed, parts }))
    }

    /// The object of this name.
    pub fn get(&self, namespace: &str, name: &str) -> Option<Entry> {
        let name = Name { namespace: namespace.into(), name: name.into() };
        self.0.objects.read().unwrap_or_else(PoisonError::into_inner).found.get(&name).cloned()
    }

    /// All objects of an owner.
    pub fn owned_by(&self, namespace: &str, uid: &str) -> Vec<Arc<DynamicObject>> {
        let objects = self.0.objects.read().unwrap_or_else(PoisonError::into_inner);
        let in_namespace = objects.found.iter().filter(|(name, _)| name.namespace == namespace);
        let objects = in_namespace.map(|(_, entry)| &entry.object);
        objects.filter(|object| object.owner_references().iter().any(|o| o.uid == uid)).cloned().collect()
    }

    /// Waits until all objects were listed once.
    pub async fn ready(&self) {
        // The sender lives as long as we do.
        let _ = self.0.listed.subscribe().wait_for(|listed| listed.len() == self.0.parts).await;
    }

    /// Takes in what the watch of the whole cluster says. Gives the objects that something happened to.
    pub fn handle(&self, event: Event<DynamicObject>) -> Vec<Arc<DynamicObject>> {
        self.handle_part("", event)
    }

    /// Takes in what the watch of a part says. Gives the objects that something happened to.
    pub fn handle_part(&self, part: &str, event: Event<DynamicObject>) -> Vec<Arc<DynamicObject>> {
        let mut objects = self.0.objects.write().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Init => {
                objects.listing.remove(part);
                Vec::new()
            }
            Event::InitApply(object) => {
                let name = Name::of(&object);
                let known = objects.found.get(&name);
                let entry = match known.filter(|k| k.object.resource_version() == object.resource_version()) {
                    Some(known) => known.clone(),
                    None => Entry { object: Arc::new(trim(object)), settled: None },
                };
                let object = entry.object.clone();
                objects.listing.entry(part.to_owned()).or_default().insert(name, entry);
                vec![object]
            }
            Event::InitDone => {
                let listing = objects.listing.remove(part).unwrap_or_default();
                // Deleted while nobody watched.
                let is_gone =
                    |name: &Name| (part.is_empty() || name.namespace == part) && !listing.contains_key(name);
                let gone = objects.found.extract_if(|name, _| is_gone(name)).map(|(_, e)| e.object).collect();
                objects.found.extend(listing);
                self.0.listed.send_if_modified(|listed| listed.insert(part.to_owned()));
                gone
            }
            Event::Apply(object) => {
                let name = Name::of(&object);
                let object = Arc::new(trim(object));
                objects.found.insert(name, Entry { object: object.clone(), settled: None });
                vec![object]
            }
            Event::Delete(object) => {
                objects.found.remove(&Name::of(&object));
                vec![Arc::new(object)]
            }
        }
    }

    /// The kind is gone, and all its objects with it.
    pub fn clear(&self) {
        *self.0.objects.write().unwrap_or_else(PoisonError::into_inner) = Objects::default();
    }

    /// `seen` is what is wanted, by its digest: most of it need not be kept any more.
    pub fn settle(&self, seen: &DynamicObject, digest: &str) {
        let mut objects = self.0.objects.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = objects.found.get_mut(&Name::of(seen))
            && entry.object.metadata.resource_version == seen.metadata.resource_version
        {
            *entry = Entry { object: Arc::new(slim(seen)), settled: Some(digest.to_owned()) };
        }
    }
}

impl Name {
    fn of(object: &DynamicObject) -> Self {
        Self { namespace: object.namespace().unwrap_or_default(), name: object.name_any() }
    }
}

/// A third of an object, and nobody reads it.
fn trim(mut object: DynamicObject) -> DynamicObject {
    object.metadata.managed_fields = None;
    object
}

/// What a reconcile still reads of an object that is as wanted: whose it is, and how it fares.
fn slim(object: &DynamicObject) -> DynamicObject {
    let mut data = json!({});
    if let Some(status) = object.data.get("status") {
        data["status"] = status.clone();
    }
    if let Some(replicas) = object.data.pointer("/spec/replicas") {
        data["spec"] = json!({ "replicas": replicas });
    }
    for name in [RESTARTED_ANNOTATION, REFERENCES_ANNOTATION] {
        if let Some(value) = template_annotation(object, name) {
            data["spec"]["template"]["metadata"]["annotations"][name] = value.into();
        }
    }
    DynamicObject { types: object.types.clone(), metadata: object.metadata.clone(), data }
}

/// An annotation of the pods that a Deployment makes.
pub fn template_annotation<'a>(object: &'a DynamicObject, name: &str) -> Option<&'a str> {
    object.data.pointer("/spec/template/metadata/annotations")?.get(name)?.as_str()
}

/// A part of an object, as its type; none where it is missing or of another form.
pub fn part<T: DeserializeOwned>(object: &DynamicObject, pointer: &str) -> Option<T> {
    object.data.pointer(pointer).and_then(|value| T::deserialize(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn object(version: &str, rest: &Value) -> DynamicObject {
        let mut object =
            json!({"metadata": {"namespace": "n", "name": "a", "uid": "u", "resourceVersion": version}});
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
        store.settle(&seen.object, "digest");
        let settled = store.get("n", "a").unwrap();
        assert_eq!(settled.settled.as_deref(), Some("digest"));
        assert_eq!(settled.object.data, json!({"spec": {"replicas": 2}, "status": {"readyReplicas": 1}}));
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
    async fn each_part_is_listed_by_itself() {
        let store = Store::new(2);
        store.handle_part("n", Event::Init);
        store.handle_part("n", Event::InitApply(whole("1")));
        store.handle_part("n", Event::InitDone);
        store.handle_part("other", Event::Init);
        assert!(futures::FutureExt::now_or_never(store.ready()).is_none());
        assert!(store.handle_part("other", Event::InitDone).is_empty(), "what is in n is not its business");
        store.ready().await;
        assert!(store.get("n", "a").is_some());
    }

    #[tokio::test]
    async fn a_store_is_ready_when_everything_was_listed_once() {
        let store = Store::default();
        store.handle(Event::Init);
        assert!(futures::FutureExt::now_or_never(store.ready()).is_none());
        store.handle(Event::InitDone);
        store.ready().await;
    }
}

//! I/O: watches the metadata of all Secrets and ConfigMaps, and tells the Microservices that use one
//! when it changes.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, ObjectMeta},
    core::PartialObjectMeta,
    runtime::watcher::Event,
};
use operator_core::{
    api::{Microservice, MicroserviceRef},
    model::Error,
    observed::{Reference, ReferenceKind, Seen},
};
use strum::VariantArray;
use tokio::time::Instant;

use super::{
    each_event::{Selection, each_event},
    scope::{Scope, WatchNamespace},
    triggers::Triggers,
    versions::Versions,
};
use crate::process::metrics::Metrics;

/// How long an object must have been as it is before pods are replaced for it. Its version counts in
/// seconds: two changes within one are the same version, so the second one must be over.
const QUIET: Duration = Duration::from_millis(1500);

/// The versions of everything that can be referred to, and who refers to it.
#[derive(Clone, Debug)]
pub struct References(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    scope: Scope,
    secrets: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    versions: BTreeMap<(ReferenceKind, WatchNamespace), Versions>,
    users: HashMap<Key, HashSet<MicroserviceRef>>,
    used_by: HashMap<MicroserviceRef, Vec<Key>>,
    /// Changed of late, and used: what they were, and since when they are something else.
    young: HashMap<Key, (Option<u64>, Instant)>,
}

type Key = (ReferenceKind, u64);

impl References {
    /// Nothing is known yet. `secrets`: may Secrets be looked at?
    pub fn new(scope: Scope, secrets: bool) -> Self {
        Self(Arc::new(Shared { scope, secrets, state: Mutex::default() }))
    }

    /// Notes that `microservice` uses these and nothing else, and says what is known of them.
    pub fn look(
        &self,
        microservice: &Microservice,
        references: Vec<Reference>,
    ) -> Result<Vec<(Reference, Seen)>, Error> {
        let name = MicroserviceRef::of(microservice);
        let namespace = &name.namespace;
        let watched = self.0.scope.watch_namespace_of(namespace).to_owned();
        let mut state = self.state();
        let mut keys = Vec::new();
        for reference in references.iter().filter(|reference| self.is_watched(reference.kind)) {
            let versions = state.versions.entry((reference.kind, watched.clone())).or_default();
            keys.push((reference.kind, versions.key(namespace, &reference.name)));
        }
        state.uses(&name, keys);
        let see = |reference: Reference| {
            let kind = reference.kind;
            if !self.is_watched(kind) {
                return Ok((reference, Seen::Unwatched));
            }
            let versions =
                state.versions.get(&(kind, watched.clone())).filter(|versions| versions.is_listed());
            let versions = versions.ok_or(Error::NotListed { kind: kind.into() })?;
            let key = versions.key(namespace, &reference.name);
            let young = state.young.get(&(kind, key)).filter(|(_, since)| since.elapsed() < QUIET);
            let found = young.map_or_else(|| versions.get(key), |(before, _)| *before);
            Ok((reference, found.map_or(Seen::Missing, Seen::Version)))
        };
        references.into_iter().map(see).collect()
    }

    /// The Microservice is gone.
    pub fn forget(&self, name: &MicroserviceRef) {
        self.state().uses(name, Vec::new());
    }

    /// Takes in what a watch says. Gives the Microservices that have to look again, once it was quiet
    /// for a while.
    pub fn handle(
        &self,
        kind: ReferenceKind,
        watched: &str,
        event: &Event<ObjectMeta>,
    ) -> Vec<MicroserviceRef> {
        let mut state = self.state();
        let versions = state.versions.entry((kind, watched.to_owned())).or_default();
        let was_listed = versions.is_listed();
        let changes = versions.handle(event);
        let mut touched = Vec::new();
        for change in changes {
            let key = (kind, change.key);
            let Some(users) = state.users.get(&key) else { continue };
            touched.extend(users.iter().cloned());
            if was_listed {
                let now = Instant::now();
                state.young.entry(key).or_insert((change.before, now)).1 = now;
            }
        }
        if !was_listed && matches!(event, Event::InitDone) {
            // Those that wait for the list.
            touched.extend(
                state
                    .used_by
                    .keys()
                    .filter(|name| self.0.scope.watch_namespace_of(&name.namespace) == watched)
                    .cloned(),
            );
        }
        state.young.retain(|_, (_, since)| since.elapsed() < QUIET);
        touched
    }

    fn is_watched(&self, kind: ReferenceKind) -> bool {
        kind != ReferenceKind::Secret || self.0.secrets
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn uses(&mut self, name: &MicroserviceRef, keys: Vec<Key>) {
        for key in self.used_by.remove(name).unwrap_or_default() {
            if let Some(users) = self.users.get_mut(&key) {
                users.remove(name);
                if users.is_empty() {
                    self.users.remove(&key);
                }
            }
        }
        for key in &keys {
            self.users.entry(*key).or_default().insert(name.clone());
        }
        if !keys.is_empty() {
            self.used_by.insert(name.clone(), keys);
        }
    }
}

/// Starts the watches.
pub fn watch(references: &References, client: &Client, metrics: &Arc<Metrics>, triggers: &Triggers) {
    for kind in ReferenceKind::VARIANTS.iter().copied().filter(|kind| references.is_watched(*kind)) {
        let resource = match kind {
            ReferenceKind::Secret => ApiResource::erase::<Secret>(&()),
            ReferenceKind::ConfigMap => ApiResource::erase::<ConfigMap>(&()),
        };
        for namespace in references.0.scope.watch_namespaces() {
            let api = Api::<PartialObjectMeta<DynamicObject>>::all_with(client.clone(), &resource);
            let api = api.constrain(&namespace);
            let (references, metrics, triggers) = (references.clone(), metrics.clone(), triggers.clone());
            tokio::spawn(async move {
                each_event(api, kind.into(), Selection::All, &metrics, |event| {
                    let users = references.handle(kind, &namespace, &metadata(event));
                    if !users.is_empty() {
                        let triggers = triggers.clone();
                        tokio::spawn(async move {
                            tokio::time::sleep(QUIET).await;
                            for user in &users {
                                triggers.trigger(user);
                            }
                        });
                    }
                })
                .await;
            });
        }
    }
}

fn metadata(event: Event<PartialObjectMeta<DynamicObject>>) -> Event<ObjectMeta> {
    match event {
        Event::Init => Event::Init,
        Event::InitDone => Event::InitDone,
        Event::InitApply(object) => Event::InitApply(object.metadata),
        Event::Apply(object) => Event::Apply(object.metadata),
        Event::Delete(object) => Event::Delete(object.metadata),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_core::plan::references::references;
    use serde_json::json;

    fn microservice() -> Microservice {
        let spec = json!({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]});
        let mut microservice = Microservice::new("m", serde_json::from_value(spec).unwrap());
        microservice.metadata.namespace = Some("n".into());
        microservice
    }

    fn secret(version: &str) -> ObjectMeta {
        serde_json::from_value(json!({"namespace": "n", "name": "s", "resourceVersion": version})).unwrap()
    }

    fn listed(all: &References, secrets: &[ObjectMeta]) -> Vec<MicroserviceRef> {
        all.handle(ReferenceKind::Secret, "", &Event::Init);
        for secret in secrets {
            all.handle(ReferenceKind::Secret, "", &Event::InitApply(secret.clone()));
        }
        all.handle(ReferenceKind::Secret, "", &Event::InitDone)
    }

    fn look(all: &References) -> Seen {
        let microservice = microservice();
        all.look(&microservice, references(&microservice.spec)).unwrap()[0].1
    }

    #[test]
    fn nothing_is_missing_before_all_was_listed() {
        let all = References::new(Scope::default(), true);
        let microservice = microservice();
        let named = references(&microservice.spec);
        assert!(matches!(all.look(&microservice, named), Err(Error::NotListed { kind: "Secret" })));
        assert_eq!(listed(&all, &[]), [MicroserviceRef::of(&microservice)]);
        assert_eq!(look(&all), Seen::Missing);
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_counts_when_it_was_quiet_for_a_while() {
        let all = References::new(Scope::default(), true);
        listed(&all, &[secret("1")]);
        let first = look(&all);
        assert!(matches!(first, Seen::Version(_)));
        assert_eq!(all.handle(ReferenceKind::Secret, "", &Event::Apply(secret("2"))).len(), 1);
        assert_eq!(look(&all), first);
        tokio::time::advance(Duration::from_secs(1)).await;
        all.handle(ReferenceKind::Secret, "", &Event::Apply(secret("3")));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(look(&all), first, "it changed once more");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_ne!(look(&all), first);
    }

    #[test]
    fn nobody_is_told_of_what_he_does_not_use() {
        let all = References::new(Scope::default(), true);
        listed(&all, &[]);
        assert!(all.handle(ReferenceKind::Secret, "", &Event::Apply(secret("1"))).is_empty());
        look(&all);
        assert_eq!(all.handle(ReferenceKind::Secret, "", &Event::Apply(secret("2"))).len(), 1);
        all.forget(&MicroserviceRef::of(&microservice()));
        assert!(all.handle(ReferenceKind::Secret, "", &Event::Apply(secret("3"))).is_empty());
    }

    #[test]
    fn secrets_may_be_left_out() {
        let all = References::new(Scope::default(), false);
        assert_eq!(look(&all), Seen::Unwatched);
    }
}

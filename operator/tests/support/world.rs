//! An operator's context over the API server in memory.

use std::{collections::BTreeSet, sync::Arc};

use kube::{api::DynamicObject, runtime::watcher::Event};
use operator::{
    cluster::{read::Reader, watch::Stores, write::Writer},
    controller::{Context, reconcile},
    process::metrics::Metrics,
};
use operator_core::{
    api::{Microservice, MicroserviceStatus},
    model::{Error, Kind, Settings},
    observed::Scrapers,
};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::FakeApi;

pub const CORE: &str = "/api/v1/namespaces/team";
pub const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/team/deployments/hello";
pub const MONITOR: &str = "/apis/monitoring.coreos.com/v1/namespaces/team/servicemonitors/hello";
pub const RESIZE: &str = "/api/v1/namespaces/team/pods/hello-1/resize";
pub const STATUS: &str = "/apis/microservice.dev/v1alpha1/namespaces/team/microservices/hello/status";
pub const EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/team/events";
/// As [`writes`] has them: their names end with a digest.
pub const REVISION: &str = "/apis/apps/v1/namespaces/team/controllerrevisions/hello-*";
pub const CONFIGURATION: &str = "/api/v1/namespaces/team/configmaps/hello-*";

pub struct World {
    pub api: FakeApi,
    pub context: Arc<Context>,
    pub missing: watch::Sender<BTreeSet<Kind>>,
}

pub fn world() -> World {
    let api = FakeApi::default();
    let (missing, _) = watch::channel(BTreeSet::new());
    let context = context(&api, Stores::default(), &missing, "1");
    World { api, context, missing }
}

fn context(
    api: &FakeApi,
    stores: Stores,
    missing: &watch::Sender<BTreeSet<Kind>>,
    tag: &str,
) -> Arc<Context> {
    let settings = Settings {
        service_image: format!("service:{tag}"),
        proxy_image: format!("nginx:{tag}"),
        ..Settings::default()
    };
    let (_, scrapers) = watch::channel(Scrapers::default());
    let metrics = Arc::new(Metrics::new().unwrap());
    let writer = Writer::new(api.client(), stores.clone());
    let reader = Reader::new(api.client(), stores, missing.subscribe(), scrapers);
    Arc::new(Context::new(reader, writer, settings, metrics))
}

pub fn microservice(spec: Value) -> Microservice {
    serde_json::from_value(json!({
        "apiVersion": "microservice.dev/v1alpha1", "kind": "Microservice",
        "metadata": {"name": "hello", "namespace": "team", "uid": "our-uid", "generation": 1},
        "spec": spec,
    }))
    .unwrap()
}

impl World {
    pub async fn reconcile(&self, microservice: &Microservice) -> Result<(), Error> {
        reconcile(microservice, &self.context).await.map(drop)
    }

    /// Reconciles, and gives what was written and the Microservice with its new status.
    pub async fn step(&self, microservice: &Microservice) -> (Vec<String>, Microservice) {
        self.api.requests();
        self.reconcile(microservice).await.unwrap();
        let writes = self.writes();
        // Without a write the old one stands.
        (
            writes,
            if self.api.get(STATUS).is_some() {
                with_status(self, microservice)
            } else {
                microservice.clone()
            },
        )
    }

    /// Another operator, with images of another version.
    pub fn upgrade(&mut self, tag: &str) {
        self.context = context(&self.api, self.context.reader.stores.clone(), &self.missing, tag);
    }

    /// The watch of `kind` tells of the object that the API server has.
    pub fn watched(&self, kind: Kind, path: &str) -> DynamicObject {
        let object: DynamicObject = serde_json::from_value(self.api.get(path).unwrap()).unwrap();
        self.context.reader.stores.of(kind).handle(Event::Apply(object.clone()));
        object
    }

    /// The watch of pods tells of this one.
    pub fn watched_pod(&self, pod: Value) {
        self.context.reader.stores.pods.handle(Event::Apply(serde_json::from_value(pod).unwrap()));
    }

    /// Requests but for reads and events.
    pub fn writes(&self) -> Vec<String> {
        writes(&self.api.requests())
    }

    /// The Deployment's controller says this.
    pub fn deployment_says(&self, status: Value) {
        let mut deployment = self.api.get(DEPLOYMENT).unwrap();
        deployment["status"] = status;
        self.api.put(DEPLOYMENT, deployment);
    }

    /// The Deployment's one pod is of the current template and ready.
    pub fn deployment_is_ready(&self) {
        self.deployment_says(json!({
            "observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1,
        }));
    }

    /// The service's image in the pod template.
    pub fn image(&self) -> String {
        let deployment = self.api.get(DEPLOYMENT).unwrap();
        deployment["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap().to_owned()
    }
}

/// Of these requests, those that are no reads and no events.
pub fn writes(requests: &[String]) -> Vec<String> {
    let written = requests.iter().filter(|r| !r.starts_with("GET ") && !r.contains("/events"));
    let is_digest = |end: &str| end.len() == 16 && end.chars().all(|c| c.is_ascii_hexdigit());
    written
        .map(|request| match request.rsplit_once('-') {
            Some((name, end)) if is_digest(end) => format!("{name}-*"),
            _ => request.clone(),
        })
        .collect()
}

/// The Microservice with the status that was last written.
pub fn with_status(world: &World, microservice: &Microservice) -> Microservice {
    let written = world.api.get(STATUS).expect("a status was written");
    Microservice {
        status: serde_json::from_value(written["status"].clone()).unwrap(),
        ..microservice.clone()
    }
}

/// The Microservice with another spec, of the next generation.
pub fn changed(microservice: &Microservice, spec: Value) -> Microservice {
    let mut changed = Microservice { spec: serde_json::from_value(spec).unwrap(), ..microservice.clone() };
    changed.metadata.generation = changed.metadata.generation.map(|generation| generation + 1);
    changed
}

/// Applied, ready, and noted as such.
pub async fn settled(world: &World, spec: Value) -> Microservice {
    let (_, applied) = world.step(&microservice(spec)).await;
    // The future of several Microservices is large.
    Box::pin(now_ready(world, &applied)).await
}

pub async fn now_ready(world: &World, microservice: &Microservice) -> Microservice {
    world.deployment_is_ready();
    let (_, ready) = world.step(microservice).await;
    let status = ready.status.as_ref().unwrap();
    assert_eq!(condition(status, "Ready").0, "True", "{status:?}");
    let (writes, rests) = world.step(&ready).await;
    assert_eq!(writes, [""; 0], "at rest");
    rests
}

/// A condition's status, reason and message.
pub fn condition<'a>(status: &'a MicroserviceStatus, type_: &str) -> (&'a str, &'a str, &'a str) {
    let found = status.conditions.iter().find(|c| c.type_ == type_).expect(type_);
    (&found.status, &found.reason, &found.message)
}

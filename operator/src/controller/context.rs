use std::{
    collections::{BTreeSet, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kube::{
    Client,
    runtime::{
        events::{Recorder, Reporter},
        reflector::ObjectRef,
    },
};
use tokio::sync::watch;

use super::{
    backoff::Backoffs, resize::Resizing, scrapers::Scrapers, validate::Settings, verify::Verifier,
    watches::Stores, workers::WorkersClient,
};
use crate::{
    api::Microservice,
    build::{Kind, meta::MANAGER},
    metrics::Metrics,
};

/// Names a Microservice; its uid is not known any more when it is gone.
pub type Name = ObjectRef<Microservice>;

/// What every reconcile shares.
pub struct Context {
    /// The API server.
    pub client: Client,
    /// What the watches found.
    pub stores: Stores,
    /// Optional kinds that the cluster does not know.
    pub missing: watch::Receiver<BTreeSet<Kind>>,
    /// Those that select `ServiceMonitors`.
    pub scrapers: watch::Receiver<Scrapers>,
    /// The images to use.
    pub settings: Settings,
    /// One recorder for all, or it could not aggregate.
    pub recorder: Recorder,
    /// Who reports events.
    pub reporter: Reporter,
    /// The pods' admin ports.
    pub workers: WorkersClient,
    /// What is known of resizing pods.
    pub resizing: Resizing,
    /// The Services.
    pub verifier: Verifier,
    /// How often each Microservice failed of late.
    backoffs: Backoffs,
    /// Microservices that can't be read.
    unreadable: Mutex<HashSet<Name>>,
    /// The operator's own numbers.
    pub metrics: Arc<Metrics>,
}

impl Context {
    /// A context over running watches.
    pub fn new(
        client: Client,
        stores: Stores,
        missing: watch::Receiver<BTreeSet<Kind>>,
        scrapers: watch::Receiver<Scrapers>,
        settings: Settings,
        metrics: Arc<Metrics>,
    ) -> Self {
        let reporter = Reporter { controller: MANAGER.into(), instance: std::env::var("HOSTNAME").ok() };
        Self {
            recorder: Recorder::new(client.clone(), reporter.clone()),
            reporter,
            client,
            stores,
            missing,
            scrapers,
            settings,
            workers: WorkersClient::default(),
            resizing: Resizing::default(),
            verifier: Verifier::default(),
            backoffs: Backoffs::default(),
            unreadable: Mutex::default(),
            metrics,
        }
    }

    /// How long to wait after one more failure.
    pub fn back_off(&self, name: &Name) -> Duration {
        let wait = self.backoffs.next(name);
        self.metrics.backs_off(self.backoffs.len());
        wait
    }

    /// The next failure is the first again.
    pub fn is_well(&self, name: &Name) {
        self.backoffs.forget(name);
        self.metrics.backs_off(self.backoffs.len());
    }

    /// Whether a Microservice can't be read, for the metric.
    pub fn unreadable(&self, name: &Name, is_unreadable: bool) {
        let mut all = self.unreadable.lock().unwrap_or_else(PoisonError::into_inner);
        if is_unreadable {
            all.insert(name.clone());
        } else {
            all.remove(name);
        }
        self.metrics.unreadable(all.len());
    }

    /// Drops what is kept of a Microservice that is gone, or memory would grow with each that was.
    pub fn forget(&self, name: &Name) {
        self.is_well(name);
        self.workers.forget(name);
        self.resizing.forget(name);
        self.verifier.forget(name);
        self.stores.references.forget(name);
        self.unreadable(name, false);
    }
}

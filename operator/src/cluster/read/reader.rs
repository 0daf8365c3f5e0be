use std::collections::BTreeSet;

use kube::Client;
use operator_core::{api::MicroserviceRef, model::Kind, observed::Scrapers};
use tokio::sync::watch;

use super::{
    complaints::Complaints, http::Http, resizing::Resizing, verify::Verifier, workers::WorkersProbe,
};
use crate::cluster::watch::Stores;

/// All that is read of the cluster.
pub struct Reader {
    /// The API server, for what is in no store.
    pub(super) client: Client,
    /// What the watches found.
    pub stores: Stores,
    /// Optional kinds that the cluster does not know.
    pub(super) missing: watch::Receiver<BTreeSet<Kind>>,
    /// Those that select `ServiceMonitors`.
    pub(super) scrapers: watch::Receiver<Scrapers>,
    /// The pods' admin ports.
    pub(super) workers: WorkersProbe,
    /// The Services.
    pub(super) verifier: Verifier,
    /// What the kubelets say of pods that do not get ready.
    pub(super) complaints: Complaints,
    /// What is known of resizing pods.
    pub resizing: Resizing,
}

impl Reader {
    /// Over running watches.
    pub fn new(
        client: Client,
        stores: Stores,
        missing: watch::Receiver<BTreeSet<Kind>>,
        scrapers: watch::Receiver<Scrapers>,
    ) -> Self {
        let http = Http::default();
        Self {
            client,
            stores,
            missing,
            scrapers,
            workers: WorkersProbe::new(http.clone()),
            verifier: Verifier::new(http),
            complaints: Complaints::default(),
            resizing: Resizing::default(),
        }
    }

    /// Drops what is known of a Microservice that is gone.
    pub fn forget(&self, name: &MicroserviceRef) {
        self.workers.forget(name);
        self.complaints.forget(name);
        self.resizing.forget(name);
        self.verifier.forget(name);
        self.stores.references.forget(name);
    }
}

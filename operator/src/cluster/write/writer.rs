use kube::{
    Client,
    runtime::events::{Recorder, Reporter},
};
use operator_core::model::meta::MANAGER;

use crate::cluster::watch::Stores;

/// All that is written to the cluster.
pub struct Writer {
    /// The API server.
    pub(super) client: Client,
    /// What we wrote ourselves is known at once.
    pub(super) stores: Stores,
    /// One recorder for all, or it could not aggregate.
    pub(super) recorder: Recorder,
    /// Who reports events.
    pub(super) reporter: Reporter,
}

impl Writer {
    /// To the cluster that `client` leads to.
    pub fn new(client: Client, stores: Stores) -> Self {
        let reporter = Reporter { controller: MANAGER.into(), instance: std::env::var("HOSTNAME").ok() };
        Self { recorder: Recorder::new(client.clone(), reporter.clone()), reporter, client, stores }
    }
}

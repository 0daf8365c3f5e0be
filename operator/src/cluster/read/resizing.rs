use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use kube::Client;
use operator_core::{
    api::{ConcurrencyChange, Microservice, MicroserviceRef, Resources},
    model::Error,
    plan::of_workers,
};
use tokio::sync::OnceCell;

use crate::process::refusal::refusal;

/// What is known of resizing.
#[derive(Debug, Default)]
pub struct Resizing {
    served: OnceCell<bool>,
    /// Resources that the API server does not let running pods have.
    refused: Mutex<HashMap<MicroserviceRef, Resources>>,
}

impl Resizing {
    /// Can pods be given the resources that the spec asks for while they run?
    pub async fn is_possible(&self, client: &Client, microservice: &Microservice) -> Result<bool, Error> {
        let spec = &microservice.spec;
        // Where new pods take over the workers, they take over the resources too.
        let live = spec.concurrency_change == ConcurrencyChange::Live;
        if !live || spec.resources_per_worker.is_none() {
            return Ok(false);
        }
        let wanted = of_workers(spec, spec.concurrency).ok();
        let refused = self.refused().get(&MicroserviceRef::of(microservice)).cloned();
        Ok((refused.is_none() || refused != wanted) && self.is_served(client).await?)
    }

    /// Has the cluster a way to resize pods? Asked once.
    async fn is_served(&self, client: &Client) -> Result<bool, Error> {
        let ask = || async {
            let list = client.list_core_api_resources("v1").await;
            let kind = "the list of API resources";
            let list = list.map_err(|error| Error::Read { kind, source: refusal(error) })?;
            Ok(list.resources.iter().any(|resource| resource.name == "pods/resize"))
        };
        self.served.get_or_try_init(ask).await.copied()
    }

    /// The API server does not let its running pods have these.
    pub fn refuse(&self, name: MicroserviceRef, resources: Resources) {
        self.refused().insert(name, resources);
    }

    /// Drops what is known of a Microservice that is gone.
    pub fn forget(&self, name: &MicroserviceRef) {
        self.refused().remove(name);
    }

    fn refused(&self) -> MutexGuard<'_, HashMap<MicroserviceRef, Resources>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

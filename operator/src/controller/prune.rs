//! I/O out: deletes what we made and no longer want. Only objects that our Microservice controls
//! are in the stores as ours, and the uid makes sure that no other is hit.

use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, Preconditions},
};

use super::{
    apply::Child,
    error::Error,
    observe::{Live, Observed},
};
use crate::build::Desired;

/// Deletes the optional children that are not desired; says of which kinds.
pub async fn prune(client: &Client, wanted: Wanted, observed: &Observed) -> Result<Vec<&'static str>, Error> {
    let Wanted { service_monitor } = wanted;
    let mut deleted = Vec::new();
    if !service_monitor && observed.service_monitor_served {
        deleted.extend(delete(client, &observed.service_monitor).await?);
    }
    Ok(deleted)
}

/// Which optional children are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    service_monitor: bool,
}

impl From<&Desired> for Wanted {
    fn from(desired: &Desired) -> Self {
        // The others are always there.
        let Desired { service_account: _, config_map: _, deployment: _, service: _, service_monitor } =
            desired;
        Self { service_monitor: service_monitor.is_some() }
    }
}

async fn delete<K: Child>(client: &Client, live: &Live<K>) -> Result<Option<&'static str>, Error> {
    let Live::Ours(object) = live else { return Ok(None) };
    let api = Api::<K>::namespaced(client.clone(), &object.namespace().unwrap_or_default());
    let only_this = Preconditions { uid: object.uid(), resource_version: None };
    let params = DeleteParams { preconditions: Some(only_this), ..DeleteParams::default() };
    match api.delete(&object.name_any(), &params).await {
        Ok(_) => Ok(Some(K::NAME)),
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(None),
        Err(source) => Err(Error::Delete { kind: K::NAME, source }),
    }
}

use k8s_openapi::{api::apps::v1::ControllerRevision, apimachinery::pkg::runtime::RawExtension};
use kube::{Api, ResourceExt};
use operator_core::{
    api::Microservice,
    model::{Error, Kind, meta::child_name},
    observed::History,
    plan::revision::Record,
};

use super::reader::Reader;
use crate::{cluster::watch::Stores, process::refusal::refusal};

/// The revisions of a Microservice, by their metadata alone.
pub fn history(stores: &Stores, microservice: &Microservice) -> History {
    let (namespace, uid) =
        (microservice.namespace().unwrap_or_default(), microservice.uid().unwrap_or_default());
    let child_name = child_name(&microservice.name_any());
    History::of(&stores.of(Kind::ControllerRevision).owned_by(&namespace, &child_name, &uid))
}

/// The content of a revision; none if it is gone, or of a form that this operator does not know.
pub async fn record(reader: &Reader, namespace: &str, name: &str) -> Result<Option<Record>, Error> {
    let api = Api::<ControllerRevision>::namespaced(reader.client.clone(), namespace);
    let kind = Kind::ControllerRevision.name();
    let found = api.get_opt(name).await;
    let found = found.map_err(|error| Error::Read { kind, source: refusal(error) })?;
    let data = found.and_then(|found| found.data);
    Ok(data.and_then(|RawExtension(data)| serde_json::from_value(data).ok()))
}

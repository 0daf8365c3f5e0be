use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
};
use operator_core::{
    api::{Microservice, MicroserviceStatus},
    model::{Error, meta::MANAGER},
};
use serde_json::json;

use super::writer::Writer;
use crate::process::refusal::refusal;

/// Writes the status.
pub async fn write_status(
    writer: &Writer,
    microservice: &Microservice,
    status: &MicroserviceStatus,
) -> Result<(), Error> {
    let namespace = microservice.namespace().unwrap_or_default();
    let api = Api::<Microservice>::namespaced(writer.client.clone(), &namespace);
    let body = json!({
        "apiVersion": "microservice.dev/v1alpha1",
        "kind": "Microservice",
        "metadata": {"name": microservice.name_any(), "uid": microservice.uid()},
        "status": status,
    });
    let params = PatchParams::apply(MANAGER).force();
    match api.patch_status(&microservice.name_any(), &params, &Patch::Apply(body)).await {
        Ok(_) => Ok(()),
        // It was deleted meanwhile.
        Err(kube::Error::Api(answer)) if answer.is_not_found() => Ok(()),
        Err(error) => Err(Error::Status(refusal(error))),
    }
}

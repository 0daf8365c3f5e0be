//! Running pods take on the resources of another number of workers where they are (in-place resize,
//! Kubernetes 1.33): a change of `concurrency` restarts none of them.

use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
};
use operator_core::{
    api::Resources,
    manifests::SERVICE_CONTAINER,
    model::{Error, ResolvedMicroservice, meta::MANAGER},
    observed::Observed,
    plan::resize::{due, wanted},
};
use serde_json::json;

use super::writer::Writer;
use crate::process::refusal::refusal;

/// Gives the pods that have other resources than wanted those. Gives the resources if the API server
/// refuses them: then it takes new pods.
pub async fn resize(
    writer: &Writer,
    resolved: &ResolvedMicroservice,
    observed: &Observed,
) -> Result<Option<Resources>, Error> {
    let Some(wanted) = wanted(&resolved.spec, observed) else { return Ok(None) };
    let api = Api::<Pod>::namespaced(writer.client.clone(), &resolved.namespace);
    for pod in due(&wanted, resolved, observed) {
        // The uid: a pod of the same name that came since is not meant.
        let container = json!({ "name": SERVICE_CONTAINER, "resources": wanted });
        let patch = json!({ "metadata": { "uid": pod.uid() }, "spec": { "containers": [container] } });
        let params = PatchParams { field_manager: Some(MANAGER.into()), ..PatchParams::default() };
        match api.patch_subresource("resize", &pod.name_any(), &params, &Patch::Strategic(patch)).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => {}
            Err(kube::Error::Api(status)) if status.is_invalid() => {
                tracing::info!(
                    pod = pod.name_any(),
                    error = status.message,
                    "can't be resized while it runs: new pods replace the old"
                );
                return Ok(Some(wanted.clone()));
            }
            Err(error) => return Err(Error::Resize(refusal(error))),
        }
    }
    Ok(None)
}

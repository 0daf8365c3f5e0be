//! A pod that lags behind the ConfigMap gets an annotation changed, which makes the kubelet refresh its
//! volumes at once instead of after its sync period (a minute by default).

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
};
use operator_core::{
    api::Microservice,
    model::{
        Error,
        meta::{CONCURRENCY_ANNOTATION, MANAGER},
    },
    observed::{Observed, Workers},
};
use serde_json::json;

use super::writer::Writer;
use crate::process::refusal::refusal;

/// A pod that still lags after this long is nudged again: its kubelet may have read the ConfigMap
/// from a cache that was older than the nudge.
const NUDGE_AGAIN: i64 = 3;

/// Makes the kubelets of pods that lag refresh their volumes.
pub async fn nudge(writer: &Writer, microservice: &Microservice, observed: &Observed) -> Result<(), Error> {
    let api = Api::<Pod>::namespaced(writer.client.clone(), &microservice.namespace().unwrap_or_default());
    let wanted = Workers::wanted(&microservice.spec);
    for pod in observed.lagging(wanted) {
        let Some(value) = next_nudge(pod.annotations().get(CONCURRENCY_ANNOTATION), wanted, Timestamp::now())
        else {
            continue;
        };
        // The uid: a pod of the same name that came since is not meant.
        let patch = json!({"metadata": {"uid": pod.uid(), "annotations": {CONCURRENCY_ANNOTATION: value}}});
        let params = PatchParams { field_manager: Some(MANAGER.into()), ..PatchParams::default() };
        match api.patch_metadata(&pod.name_any(), &params, &Patch::Merge(patch)).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => {}
            Err(error) => return Err(Error::Nudge(refusal(error))),
        }
    }
    Ok(())
}

/// The annotation's next value, `WORKERSxREQUESTS@UNIXTIME`; none where the last nudge is still young.
fn next_nudge(annotation: Option<&String>, wanted: Workers, now: Timestamp) -> Option<String> {
    let wanted = format!("{}x{}", wanted.workers, wanted.requests_per_worker);
    let young = annotation
        .and_then(|text| text.split_once('@'))
        .filter(|(value, _)| *value == wanted)
        .and_then(|(_, time)| time.parse::<i64>().ok())
        .is_some_and(|time| now.as_second() - time < NUDGE_AGAIN);
    (!young).then(|| format!("{wanted}@{}", now.as_second()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_nudged_once_and_again_only_when_it_goes_on_lagging() {
        let wanted = Workers { workers: 8, requests_per_worker: 1 };
        let at = |second| Timestamp::from_second(second).unwrap();
        let first = next_nudge(None, wanted, at(100)).unwrap();
        assert_eq!(first, "8x1@100");
        assert_eq!(next_nudge(Some(&first), wanted, at(102)), None);
        assert_eq!(next_nudge(Some(&first), wanted, at(103)).unwrap(), "8x1@103");
        let other = Workers { workers: 4, requests_per_worker: 1 };
        assert_eq!(next_nudge(Some(&first), other, at(100)).unwrap(), "4x1@100");
    }
}

//! I/O: how many workers each pod runs. The pods are asked, not guessed; a pod that lags behind the
//! ConfigMap gets an annotation changed, which makes the kubelet refresh its volumes at once
//! instead of after its sync period (a minute by default).

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, stream};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::{
    client::legacy::{Client as HttpClient, connect::HttpConnector},
    rt::TokioExecutor,
};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
};
use serde::Deserialize;
use serde_json::json;

use super::{context::Name, error::Error, observe::Observed};
use crate::{
    api::Microservice,
    build::meta::{CONCURRENCY_ANNOTATION, MANAGER},
};

/// How long a pod may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// A pod that still lags after this long is nudged again: its kubelet may have read the ConfigMap
/// from a cache that was older than the nudge.
const NUDGE_AGAIN: i64 = 3;
/// Pods asked at the same time.
const PARALLEL: usize = 16;

/// Workers and requests per worker.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Workers {
    /// Number of workers.
    pub workers: i32,
    /// Requests that each may interleave.
    pub requests_per_worker: i32,
}

impl Workers {
    /// What the spec asks for.
    pub fn wanted(microservice: &Microservice) -> Self {
        Self {
            workers: microservice.spec.concurrency,
            requests_per_worker: microservice.spec.requests_per_worker,
        }
    }
}

/// What a pod said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It runs so many.
    Runs(Workers),
    /// Its image has no answer to the question: it takes the number when it starts.
    Unsupported,
    /// It could not be asked.
    Unreachable,
}

/// Asks pods, and remembers their answers.
#[derive(Clone, Debug)]
pub struct WorkersClient {
    http: HttpClient<HttpConnector, Empty<Bytes>>,
    /// By the Microservice, then the pod's uid.
    known: Arc<Mutex<HashMap<Name, BTreeMap<String, Answer>>>>,
}

impl Default for WorkersClient {
    fn default() -> Self {
        Self {
            http: HttpClient::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http(),
            known: Arc::default(),
        }
    }
}

impl WorkersClient {
    /// Asks each ready pod that is not known to run what the spec wants. At rest nobody is asked.
    pub async fn ask(&self, microservice: &Microservice, pods: &[Arc<Pod>]) -> BTreeMap<String, Answer> {
        let name = Name::from_obj(microservice);
        let wanted = Answer::Runs(Workers::wanted(microservice));
        let known = self.known().get(&name).cloned().unwrap_or_default();
        let port = microservice.spec.admin_port;
        let ready: Vec<_> = pods.iter().filter(|pod| is_ready(pod)).cloned().collect();
        let answers: BTreeMap<_, _> = stream::iter(ready)
            .map(|pod| {
                let pod_uid = pod.uid().unwrap_or_default();
                let before = known.get(&pod_uid).copied();
                async move {
                    let answer = match before {
                        Some(answer) if answer == wanted || answer == Answer::Unsupported => answer,
                        _ => self.ask_pod(&pod, port).await,
                    };
                    (pod_uid, answer)
                }
            })
            .buffer_unordered(PARALLEL)
            .collect()
            .await;
        self.known().insert(name, answers.clone());
        answers
    }

    /// Drops what is known of a Microservice that is gone.
    pub fn forget(&self, name: &Name) {
        self.known().remove(name);
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<Name, BTreeMap<String, Answer>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask_pod(&self, pod: &Pod, port: i32) -> Answer {
        let Some(ip) = pod.status.as_ref().and_then(|s| s.pod_ip.as_deref()) else {
            return Answer::Unreachable;
        };
        let host = if ip.contains(':') { format!("[{ip}]") } else { ip.to_owned() };
        let Ok(uri) = format!("http://{host}:{port}/workers").parse() else { return Answer::Unreachable };
        let exchange = async {
            let response = self.http.get(uri).await.ok()?;
            if response.status() != http::StatusCode::OK {
                return Some(Answer::Unsupported);
            }
            let body = Limited::new(response.into_body(), 4096).collect().await.ok()?.to_bytes();
            Some(serde_json::from_slice(&body).map_or(Answer::Unsupported, Answer::Runs))
        };
        tokio::time::timeout(PATIENCE, exchange).await.ok().flatten().unwrap_or(Answer::Unreachable)
    }
}

/// Makes the kubelets of pods that lag refresh their volumes.
pub async fn nudge(
    client: &kube::Client,
    microservice: &Microservice,
    observed: &Observed,
) -> Result<(), Error> {
    let api = Api::<Pod>::namespaced(client.clone(), &microservice.namespace().unwrap_or_default());
    let wanted = Workers::wanted(microservice);
    for pod in lagging(observed, wanted) {
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
            Err(source) => return Err(Error::Nudge(source)),
        }
    }
    Ok(())
}

/// Pods that say they run something else than is wanted.
pub fn lagging(observed: &Observed, wanted: Workers) -> impl Iterator<Item = &Arc<Pod>> {
    observed.pods.iter().filter(move |pod| {
        let answer = pod.metadata.uid.as_ref().and_then(|uid| observed.workers.get(uid));
        matches!(answer, Some(Answer::Runs(workers)) if *workers != wanted)
    })
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

/// Is the pod's condition Ready True?
pub fn is_ready(pod: &Pod) -> bool {
    pod.status
        .iter()
        .flat_map(|s| s.conditions.iter().flatten())
        .any(|c| c.type_ == "Ready" && c.status == "True")
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

//! How many workers each pod runs. The pods are asked, not guessed.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{StreamExt, stream};
use http_body_util::{BodyExt, Limited};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use operator_core::{
    api::{Microservice, MicroserviceRef},
    model::ports::{METRICS_PORT, port_of},
    observed::{Answer, Workers, is_ready},
};

use super::http::Http;

/// How long a pod may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// Pods asked at the same time.
const PARALLEL: usize = 16;

/// Asks pods, and remembers their answers.
#[derive(Debug)]
pub struct WorkersProbe {
    http: Http,
    /// By the Microservice, then the pod's uid.
    known: Mutex<HashMap<MicroserviceRef, BTreeMap<String, Answer>>>,
}

impl WorkersProbe {
    /// Nothing is known yet.
    pub fn new(http: Http) -> Self {
        Self { http, known: Mutex::default() }
    }

    /// Asks each ready pod that is not known to run what the spec wants. At rest nobody is asked.
    pub async fn ask(&self, microservice: &Microservice, pods: &[Arc<Pod>]) -> BTreeMap<String, Answer> {
        let name = MicroserviceRef::of(microservice);
        let wanted = Answer::Runs(Workers::wanted(&microservice.spec));
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
                        _ => self.ask_pod(&pod, port_of(&pod, METRICS_PORT).unwrap_or(port)).await,
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
    pub fn forget(&self, name: &MicroserviceRef) {
        self.known().remove(name);
    }

    fn known(&self) -> MutexGuard<'_, HashMap<MicroserviceRef, BTreeMap<String, Answer>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask_pod(&self, pod: &Pod, port: i32) -> Answer {
        let Some(ip) = pod.status.as_ref().and_then(|s| s.pod_ip.as_deref()) else {
            return Answer::Unreachable;
        };
        let host = if ip.contains(':') { format!("[{ip}]") } else { ip.to_owned() };
        let url = format!("http://{host}:{port}/workers");
        let exchange = async {
            let response = self.http.get(&url).await.ok()?;
            if response.status() != http::StatusCode::OK {
                return Some(Answer::Unsupported);
            }
            let body = Limited::new(response.into_body(), 4096).collect().await.ok()?.to_bytes();
            Some(serde_json::from_slice(&body).map_or(Answer::Unsupported, Answer::Runs))
        };
        tokio::time::timeout(PATIENCE, exchange).await.ok().flatten().unwrap_or(Answer::Unreachable)
    }
}

//! How many workers each pod runs. The pods are asked, not guessed.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
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

use super::http::{Http, Unanswered};
use crate::process::backoff::Backoffs;

/// How long a pod may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// Pods asked at the same time.
const PARALLEL: usize = 16;

/// Asks pods, and remembers their answers.
#[derive(Debug)]
pub struct WorkersProbe {
    http: Http,
    known: Mutex<HashMap<MicroserviceRef, Known>>,
    backoffs: Backoffs,
}

/// What is known of the pods of a Microservice.
#[derive(Clone, Debug)]
struct Known {
    /// What they were asked for.
    wanted: Workers,
    /// By the pod's uid.
    said: BTreeMap<String, Said>,
    /// When those that did not say anything are asked again.
    again: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    /// In so many words.
    Answer(Answer),
    /// Nobody listens on the admin port.
    Refused,
    /// No answer came.
    Nothing,
}

impl Said {
    fn answer(self) -> Answer {
        match self {
            Self::Answer(answer) => answer,
            Self::Refused => Answer::Unsupported,
            Self::Nothing => Answer::Unreachable,
        }
    }
}

impl WorkersProbe {
    /// Nothing is known yet.
    pub fn new(http: Http) -> Self {
        Self { http, known: Mutex::default(), backoffs: Backoffs::default() }
    }

    /// Asks each ready pod that is not known to run what the spec wants; says also when those that gave no
    /// answer are asked again. At rest nobody is asked.
    pub async fn ask(
        &self,
        microservice: &Microservice,
        pods: &[Arc<Pod>],
    ) -> (BTreeMap<String, Answer>, Option<Instant>) {
        let name = MicroserviceRef::of(microservice);
        let wanted = Workers::wanted(&microservice.spec);
        let known = self.known().get(&name).cloned().filter(|known| known.wanted == wanted);
        if known.is_none() {
            self.backoffs.forget(&name);
        }
        let (before, again) = known.map(|known| (known.said, known.again)).unwrap_or_default();
        let waits = again.is_some_and(|again| again > Instant::now());
        let port = microservice.spec.admin_port;
        let ready: Vec<_> = pods.iter().filter(|pod| is_ready(pod)).cloned().collect();
        let answers: Vec<_> = stream::iter(ready)
            .map(|pod| {
                let pod_uid = pod.uid().unwrap_or_default();
                let before = before.get(&pod_uid).copied();
                async move {
                    match before {
                        Some(said) if said == Said::Answer(Answer::Runs(wanted)) => (pod_uid, said, false),
                        Some(said) if said == Said::Answer(Answer::Unsupported) => (pod_uid, said, false),
                        Some(said @ (Said::Refused | Said::Nothing)) if waits => (pod_uid, said, false),
                        _ => {
                            let port = port_of(&pod, METRICS_PORT).unwrap_or(port);
                            (pod_uid, self.ask_pod(&pod, port).await, true)
                        }
                    }
                }
            })
            .buffer_unordered(PARALLEL)
            .collect()
            .await;
        let is_silent = |said: &Said| matches!(said, Said::Refused | Said::Nothing);
        let again = if !answers.iter().any(|(_, said, _)| is_silent(said)) {
            self.backoffs.forget(&name);
            None
        } else if answers.iter().any(|(_, said, asked)| *asked && is_silent(said)) {
            Instant::now().checked_add(self.backoffs.next(&name))
        } else {
            again
        };
        let said: BTreeMap<_, _> = answers.into_iter().map(|(uid, said, _)| (uid, said)).collect();
        let answers = said.iter().map(|(uid, said)| (uid.clone(), said.answer())).collect();
        // Nobody waits for a port that nobody listens on; by chance it is looked at again.
        let lost = said.values().any(|said| *said == Said::Nothing);
        self.known().insert(name, Known { wanted, said, again });
        (answers, again.filter(|_| lost))
    }

    /// Drops what is known of a Microservice that is gone.
    pub fn forget(&self, name: &MicroserviceRef) {
        self.known().remove(name);
        self.backoffs.forget(name);
    }

    fn known(&self) -> MutexGuard<'_, HashMap<MicroserviceRef, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask_pod(&self, pod: &Pod, port: i32) -> Said {
        let Some(ip) = pod.status.as_ref().and_then(|s| s.pod_ip.as_deref()) else {
            return Said::Nothing;
        };
        let host = if ip.contains(':') { format!("[{ip}]") } else { ip.to_owned() };
        let url = format!("http://{host}:{port}/workers");
        let exchange = async {
            let response = match self.http.get(&url).await {
                Ok(response) => response,
                Err(Unanswered::Refused(_)) => return Some(Said::Refused),
                Err(Unanswered::Lost(_)) => return None,
            };
            if response.status() != http::StatusCode::OK {
                return Some(Said::Answer(Answer::Unsupported));
            }
            let body = Limited::new(response.into_body(), 4096).collect().await.ok()?.to_bytes();
            let answer = serde_json::from_slice(&body).map_or(Answer::Unsupported, Answer::Runs);
            Some(Said::Answer(answer))
        };
        tokio::time::timeout(PATIENCE, exchange).await.ok().flatten().unwrap_or(Said::Nothing)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::net::TcpListener;

    use super::*;

    fn microservice(port: u16, concurrency: i32) -> Microservice {
        serde_json::from_value(json!({
            "apiVersion": "microservice.dev/v1alpha1", "kind": "Microservice",
            "metadata": {"name": "m", "namespace": "n"},
            "spec": {"adminPort": port, "concurrency": concurrency},
        }))
        .unwrap()
    }

    fn pods() -> Vec<Arc<Pod>> {
        let status = json!({"podIP": "127.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]});
        vec![Arc::new(serde_json::from_value(json!({"metadata": {"uid": "u"}, "status": status})).unwrap())]
    }

    async fn listener() -> (TcpListener, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        (listener, port)
    }

    #[tokio::test]
    async fn a_refused_port_is_one_that_can_t_be_asked() {
        let (listener, port) = listener().await;
        drop(listener);
        let probe = WorkersProbe::new(Http::default());
        let (answers, again) = probe.ask(&microservice(port, 4), &pods()).await;
        assert_eq!((answers["u"], again), (Answer::Unsupported, None), "nobody comes back for it");
        let known = |probe: &WorkersProbe| probe.known().values().next().unwrap().clone();
        let first = known(&probe).again;
        probe.ask(&microservice(port, 4), &pods()).await;
        assert_eq!(known(&probe).again, first, "not asked before its time");
        probe.ask(&microservice(port, 8), &pods()).await;
        assert_ne!(known(&probe).again, first, "another number is another question");
    }

    #[tokio::test]
    async fn a_port_that_answers_nothing_is_asked_less_and_less_often() {
        // Connections wait in its queue; nobody takes them.
        let (_listener, port) = listener().await;
        let probe = WorkersProbe::new(Http::default());
        let (answers, first) = probe.ask(&microservice(port, 4), &pods()).await;
        assert_eq!(answers["u"], Answer::Unreachable);
        let began = Instant::now();
        let (answers, second) = probe.ask(&microservice(port, 4), &pods()).await;
        assert_eq!((answers["u"], second), (Answer::Unreachable, first));
        assert!(began.elapsed() < PATIENCE, "it holds nobody up");
        tokio::time::sleep_until(first.unwrap().into()).await;
        let began = Instant::now();
        let (_, third) = probe.ask(&microservice(port, 4), &pods()).await;
        assert!(third.unwrap() >= began + PATIENCE + Duration::from_secs(1), "twice as long");
    }
}

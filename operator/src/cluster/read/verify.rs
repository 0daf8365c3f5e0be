//! I/O: one real request through the Service and nginx, before the status publishes the URL. Asked
//! again only when the generation or the ready pods changed, or the last request failed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use http::StatusCode;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use operator_core::{
    api::{Microservice, MicroserviceRef},
    manifests::{READY_HOST, READY_PATH},
    model::meta::{child_name, service_url},
    observed::{Verification, is_ready},
};
use tokio::time::timeout;

use super::http::Http;
use crate::process::backoff::Backoffs;

/// How long the answer may take, name lookup included.
const PATIENCE: Duration = Duration::from_secs(2);

/// Sends the requests, and remembers what became of them.
#[derive(Debug)]
pub struct Verifier {
    http: Http,
    known: Mutex<HashMap<MicroserviceRef, Known>>,
    backoffs: Backoffs,
}

/// What the request was about, and what became of it.
#[derive(Clone, Debug)]
struct Known {
    generation: Option<i64>,
    pods: Vec<String>,
    verification: Verification,
}

impl Verifier {
    /// Nothing is known yet.
    pub fn new(http: Http) -> Self {
        Self { http, known: Mutex::default(), backoffs: Backoffs::default() }
    }

    /// What is known of a Microservice with these pods; asks where that is out of date.
    pub async fn verify(
        &self,
        microservice: &Microservice,
        pods: &[Arc<Pod>],
        proxied: bool,
    ) -> Verification {
        let namespace = microservice.namespace().unwrap_or_default();
        let url = service_url(&child_name(&microservice.name_any()), &namespace);
        self.verify_at(&url, microservice, pods, proxied).await
    }

    /// Drops what is known of a Microservice that is gone.
    pub fn forget(&self, name: &MicroserviceRef) {
        self.known().remove(name);
        self.backoffs.forget(name);
    }

    async fn verify_at(
        &self,
        url: &str,
        microservice: &Microservice,
        pods: &[Arc<Pod>],
        proxied: bool,
    ) -> Verification {
        let name = MicroserviceRef::of(microservice);
        let generation = microservice.metadata.generation;
        let mut ready: Vec<_> = pods.iter().filter(|pod| is_ready(pod)).filter_map(|pod| pod.uid()).collect();
        if ready.is_empty() {
            return Verification::Untried;
        }
        ready.sort();
        let known = self.known().get(&name).cloned();
        let known = known.filter(|known| known.generation == generation && known.pods == ready);
        match known.map(|known| known.verification) {
            Some(Verification::Failed { again, .. }) if again <= Instant::now() => {}
            Some(verification) => return verification,
            None => self.backoffs.forget(&name),
        }
        let verification = match self.ask(url, proxied).await {
            Ok(()) => {
                self.backoffs.forget(&name);
                Verification::Answered
            }
            Err(words) => Verification::Failed { words, again: Instant::now() + self.backoffs.next(&name) },
        };
        self.known().insert(name, Known { generation, pods: ready, verification: verification.clone() });
        verification
    }

    /// nginx answers the readiness probe by asking the service: harmless for any image, and past the
    /// user's snippets. A service that the Service leads straight to may not know the path; then any
    /// answer but a server's error shows the way.
    async fn ask(&self, url: &str, proxied: bool) -> Result<(), String> {
        let url = format!("{url}{READY_PATH}");
        let late = |_| format!("GET {url}: no answer within {PATIENCE:?}");
        let answer = async {
            if proxied { self.http.get_as(READY_HOST, &url).await } else { self.http.get(&url).await }
        };
        let answer = timeout(PATIENCE, answer).await.map_err(late)??.status();
        let good = if proxied { answer == StatusCode::OK } else { !answer.is_server_error() };
        if good { Ok(()) } else { Err(format!("GET {url}: answered {answer}")) }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<MicroserviceRef, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::net::TcpListener;

    /// A Service that answers with this status; its URL, and how often it was asked.
    async fn service(status: StatusCode) -> (String, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        // As nginx does, whose server for clients knows no such path.
        let answer = move |headers: http::HeaderMap| async move {
            count.fetch_add(1, Ordering::Relaxed);
            let asked = headers.get(http::header::HOST).is_some_and(|host| host == READY_HOST);
            if status == StatusCode::OK && !asked { StatusCode::NOT_FOUND } else { status }
        };
        let router = axum::Router::new().route(READY_PATH, axum::routing::get(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (url, asked)
    }

    fn microservice(generation: i64) -> Microservice {
        serde_json::from_value(json!({
            "apiVersion": "microservice.dev/v1alpha1", "kind": "Microservice",
            "metadata": {"name": "m", "namespace": "n", "generation": generation},
            "spec": {},
        }))
        .unwrap()
    }

    fn pods(ready: &[(&str, bool)]) -> Vec<Arc<Pod>> {
        let pod = |(uid, ready): &(&str, bool)| {
            let status = if *ready { "True" } else { "False" };
            let pod = json!({"metadata": {"uid": uid}, "status": {"conditions": [{"type": "Ready", "status": status}]}});
            Arc::new(serde_json::from_value(pod).unwrap())
        };
        ready.iter().map(pod).collect()
    }

    /// peers: mcp-lifecycle-operator#45, mcp-lifecycle-operator#38
    #[tokio::test]
    async fn it_is_asked_once_and_again_only_when_something_changed() {
        let (url, asked) = service(StatusCode::OK).await;
        let verifier = Verifier::new(Http::default());
        let one = pods(&[("a", true), ("b", false)]);
        assert_eq!(verifier.verify_at(&url, &microservice(1), &[], true).await, Verification::Untried);
        for _ in 0..3 {
            assert_eq!(verifier.verify_at(&url, &microservice(1), &one, true).await, Verification::Answered);
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1, "at rest nobody is asked");
        verifier.verify_at(&url, &microservice(2), &one, true).await;
        assert_eq!(asked.load(Ordering::Relaxed), 2, "another generation");
        verifier.verify_at(&url, &microservice(2), &pods(&[("a", true), ("b", true)]), true).await;
        assert_eq!(asked.load(Ordering::Relaxed), 3, "another endpoint");
        verifier.forget(&MicroserviceRef::of(&microservice(2)));
        assert!(verifier.known().is_empty());
    }

    #[rstest]
    #[case::behind_nginx_all_is_well(200, true, true)]
    #[case::nginx_finds_no_service(502, true, false)]
    #[case::not_nginx_at_all(404, true, false)]
    #[case::an_image_without_the_path(404, false, true)]
    #[case::an_image_that_fails(500, false, false)]
    #[tokio::test]
    async fn the_answer_tells_whether_the_way_works(
        #[case] status: u16,
        #[case] proxied: bool,
        #[case] good: bool,
    ) {
        let (url, _) = service(StatusCode::from_u16(status).unwrap()).await;
        let answer = Verifier::new(Http::default())
            .verify_at(&url, &microservice(1), &pods(&[("a", true)]), proxied)
            .await;
        match answer {
            Verification::Failed { words, .. } => {
                assert!(!good && words.contains("answered"), "{words}");
            }
            other => assert!(good && other == Verification::Answered, "{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_failure_is_tried_again_later_and_less_and_less_often() {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let (url, verifier, one) =
            (format!("http://{closed}"), Verifier::new(Http::default()), pods(&[("a", true)]));
        let ask = async || match verifier.verify_at(&url, &microservice(1), &one, true).await {
            Verification::Failed { words, again } => (words, again),
            other => panic!("{other:?}"),
        };
        let (words, first) = ask().await;
        assert!(words.contains("refused"), "{words}");
        assert_eq!(ask().await.1, first, "not before its time");
        tokio::time::sleep_until(first.into()).await;
        let began = Instant::now();
        assert!(ask().await.1 - began >= Duration::from_secs(1), "twice as long");
    }
}

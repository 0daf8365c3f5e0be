//! An API server in memory that holds one Lease, reached over links that can be broken.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{Method, Request, Response};
use http_body_util::BodyExt;
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client, client::Body};
use serde_json::{Value, json};
use tokio::time::sleep;

#[derive(Clone, Default)]
pub struct LeaseApi {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    lease: Option<Value>,
    version: u64,
    /// Somebody else writes just before the next write.
    race: bool,
}

/// What a link does with a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    #[default]
    None,
    /// 500 at once.
    Refuse,
    /// It never arrives.
    Hang,
    /// It arrives and is done, the answer gets lost.
    LoseAnswer,
    /// It arrives this much later, when nobody may be waiting any more.
    Late(Duration),
}

/// The way of one process to the API server.
#[derive(Clone, Default)]
pub struct Link(Arc<Mutex<Fault>>);

impl Link {
    pub fn set(&self, fault: Fault) {
        *self.0.lock().unwrap() = fault;
    }
}

impl LeaseApi {
    pub fn leases(&self, link: &Link) -> Api<Lease> {
        let (api, link) = (self.clone(), link.clone());
        let service = tower::service_fn(move |request| {
            let (api, link) = (api.clone(), link.clone());
            async move { Ok::<_, Infallible>(api.answer(&link, request).await) }
        });
        Api::namespaced(Client::new(service, "team"), "team")
    }

    pub fn get(&self) -> Option<Value> {
        self.state.lock().unwrap().lease.clone()
    }

    pub fn holder(&self) -> Option<String> {
        self.get()?["spec"]["holderIdentity"].as_str().map(Into::into)
    }

    /// As somebody else would write it.
    pub fn put(&self, spec: &Value) {
        let mut state = self.state.lock().unwrap();
        state.store(json!({"metadata": {"name": "lease"}, "spec": spec}));
    }

    pub fn delete(&self) {
        self.state.lock().unwrap().lease = None;
    }

    pub fn race_the_next_write(&self) {
        self.state.lock().unwrap().race = true;
    }

    async fn answer(&self, link: &Link, request: Request<Body>) -> Response<Body> {
        let fault = *link.0.lock().unwrap();
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        sleep(Duration::from_millis(fastrand::u64(0..40))).await;
        match fault {
            Fault::None => {
                let answer = self.done(&parts.method, &body);
                sleep(Duration::from_millis(fastrand::u64(0..40))).await;
                answer
            }
            Fault::Refuse => status(500, "InternalError"),
            Fault::Hang => std::future::pending().await,
            Fault::LoseAnswer => {
                self.done(&parts.method, &body);
                std::future::pending().await
            }
            Fault::Late(delay) => {
                let api = self.clone();
                let late = tokio::spawn(async move {
                    sleep(delay).await;
                    api.done(&parts.method, &body)
                });
                late.await.unwrap()
            }
        }
    }

    fn done(&self, method: &Method, body: &[u8]) -> Response<Body> {
        let mut state = self.state.lock().unwrap();
        if *method == Method::GET {
            return state.lease.as_ref().map_or_else(|| status(404, "NotFound"), success);
        }
        if std::mem::take(&mut state.race)
            && let Some(lease) = state.lease.clone()
        {
            state.store(lease);
        }
        let new: Value = serde_json::from_slice(body).unwrap();
        let version = |lease: &Value| lease["metadata"]["resourceVersion"].as_str().map(String::from);
        match (method, &state.lease) {
            (&Method::POST, Some(_)) => return status(409, "AlreadyExists"),
            (&Method::POST, None) => {}
            (&Method::PUT, None) => return status(404, "NotFound"),
            (&Method::PUT, Some(lease)) => {
                assert!(version(&new).is_some(), "a write without resourceVersion");
                if version(lease) != version(&new) {
                    return status(409, "Conflict");
                }
            }
            _ => panic!("{method} is not in the Role"),
        }
        success(&state.store(new))
    }
}

impl State {
    fn store(&mut self, mut lease: Value) -> Value {
        self.version += 1;
        lease["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.lease = Some(lease.clone());
        lease
    }
}

fn success(object: &Value) -> Response<Body> {
    Response::new(Body::from(object.to_string().into_bytes()))
}

fn status(code: u16, reason: &str) -> Response<Body> {
    let body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "code": code, "reason": reason, "message": reason});
    Response::builder().status(code).body(Body::from(body.to_string().into_bytes())).unwrap()
}

//! An API server in memory for failures that a real one can't be made to show. It keeps objects,
//! records every request in order, and fails on demand. It merges nothing: what is applied is what
//! is stored.

#![allow(dead_code)] // Not every test uses all of it.

pub mod world;

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex},
};

use http::{Method, Request, Response};
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::{Value, json};

#[derive(Clone, Default)]
pub struct FakeApi(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Value>,
    failures: BTreeMap<String, (u16, &'static str)>,
    requests: Vec<String>,
    bodies: Vec<Value>,
}

impl FakeApi {
    pub fn client(&self) -> kube::Client {
        let api = self.clone();
        // `Client::new` adds no retries, so that a failure is seen as it is.
        kube::Client::new(
            tower::service_fn(move |request| {
                let api = api.clone();
                async move { Ok::<_, Infallible>(api.answer(request).await) }
            }),
            "default",
        )
    }

    /// Every later `METHOD path` gets this answer.
    pub fn fail(&self, request: &str, code: u16, reason: &'static str) {
        self.0.lock().unwrap().failures.insert(request.into(), (code, reason));
    }

    pub fn mend(&self) {
        self.0.lock().unwrap().failures.clear();
    }

    pub fn put(&self, path: &str, object: Value) {
        self.0.lock().unwrap().objects.insert(path.into(), object);
    }

    pub fn get(&self, path: &str) -> Option<Value> {
        self.0.lock().unwrap().objects.get(path).cloned()
    }

    /// `METHOD last-path-segments` of all requests since the last call.
    pub fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().requests)
    }

    pub fn bodies(&self) -> Vec<Value> {
        std::mem::take(&mut self.0.lock().unwrap().bodies)
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let path = parts.uri.path().to_owned();
        let mut state = self.0.lock().unwrap();
        state.requests.push(format!("{} {path}", parts.method));
        state.bodies.push(body.clone());
        if let Some((code, reason)) = state.failures.get(&format!("{} {path}", parts.method)) {
            return failure(*code, reason);
        }
        let is_merge = parts.headers.get("content-type").is_some_and(|t| t == "application/merge-patch+json");
        match parts.method {
            Method::PATCH if is_merge => match state.objects.get_mut(&path) {
                Some(object) => {
                    merge(object, body);
                    success(object)
                }
                None => failure(404, "NotFound"),
            },
            Method::GET => match state.objects.get(&path) {
                Some(object) => success(object),
                None => failure(404, "NotFound"),
            },
            Method::DELETE => match state.objects.remove(&path) {
                Some(_) => success(&json!({"kind": "Status", "apiVersion": "v1", "status": "Success"})),
                None => failure(404, "NotFound"),
            },
            // Apply, status and events.
            _ => {
                let mut object = body;
                if let Some(metadata) = object["metadata"].as_object_mut() {
                    metadata.entry("uid").or_insert(json!("made-by-the-fake"));
                    metadata.insert("generation".into(), json!(1));
                }
                let mut whole = object.clone();
                if path.ends_with("/status") {
                    whole["spec"] = json!({});
                }
                let answer = success(&whole);
                state.objects.insert(path, object);
                answer
            }
        }
    }
}

fn merge(object: &mut Value, patch: Value) {
    match patch {
        Value::Object(patch) if object.is_object() => {
            for (key, value) in patch {
                merge(&mut object[key], value);
            }
        }
        patch => *object = patch,
    }
}

fn success(object: &Value) -> Response<Body> {
    Response::new(Body::from(object.to_string().into_bytes()))
}

fn failure(code: u16, reason: &str) -> Response<Body> {
    let causes = if reason == "NamespaceTerminating" { json!([{"reason": reason}]) } else { json!([]) };
    let reason = if reason == "NamespaceTerminating" { "Forbidden" } else { reason };
    let status = json!({"kind": "Status", "details": {"causes": causes}, "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "code": code, "reason": reason, "message": format!("the fake says {reason}")});
    Response::builder().status(code).body(Body::from(status.to_string().into_bytes())).unwrap()
}

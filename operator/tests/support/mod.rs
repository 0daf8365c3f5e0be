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
    /// What was last applied to each, for its record of who owns which field.
    applied: BTreeMap<String, Value>,
    failures: BTreeMap<String, (u16, &'static str)>,
    requests: Vec<String>,
    bodies: Vec<Value>,
    /// An admission webhook undoes each JSON Patch.
    insists: bool,
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

    /// An admission webhook adds again at once what a JSON Patch removes.
    pub fn insist(&self) {
        self.0.lock().unwrap().insists = true;
    }

    pub fn mend(&self) {
        self.0.lock().unwrap().failures.clear();
    }

    pub fn put(&self, path: &str, object: Value) {
        self.0.lock().unwrap().store(path, object);
    }

    pub fn get(&self, path: &str) -> Option<Value> {
        self.0.lock().unwrap().objects.get(path).cloned()
    }

    /// The paths of all objects that begin so.
    pub fn paths(&self, prefix: &str) -> Vec<String> {
        let objects = &self.0.lock().unwrap().objects;
        objects.keys().filter(|path| path.starts_with(prefix)).cloned().collect()
    }

    /// Somebody has deleted it.
    pub fn remove(&self, path: &str) {
        self.0.lock().unwrap().objects.remove(path);
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
        let content = parts.headers.get("content-type").and_then(|t| t.to_str().ok()).unwrap_or_default();
        match (parts.method, content) {
            (Method::PATCH, "application/merge-patch+json" | "application/json-patch+json") => {
                match state.objects.get(&path).cloned() {
                    Some(object) if state.insists && body.is_array() => success(&object),
                    Some(mut object) => {
                        match body {
                            Value::Array(operations) => operate(&mut object, operations),
                            body => merge(&mut object, body),
                        }
                        success(&state.store(&path, object))
                    }
                    None => failure(404, "NotFound"),
                }
            }
            (Method::GET, _) => match state.objects.get(&path) {
                Some(object) => success(object),
                None => failure(404, "NotFound"),
            },
            (Method::DELETE, _) => match state.objects.remove(&path) {
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
                if content == "application/apply-patch+yaml" {
                    state.applied.insert(path.clone(), object.clone());
                    whole["metadata"]["managedFields"] = managed(&object, &object);
                }
                state.store(&path, object);
                success(&whole)
            }
        }
    }
}

impl State {
    /// Somebody has written this.
    fn store(&mut self, path: &str, mut object: Value) -> Value {
        let is_ours = object["metadata"]["annotations"].get("microservice.dev/applied").is_some();
        if let Some(applied) = self.applied.get(path).filter(|_| is_ours) {
            object["metadata"]["managedFields"] = managed(applied, &object);
        }
        self.objects.insert(path.into(), object.clone());
        object
    }
}

/// The record of what was applied and is as it was.
fn managed(applied: &Value, live: &Value) -> Value {
    let fields = owned(applied, live).unwrap_or_default();
    json!([{"manager": "microservice-operator", "operation": "Apply", "apiVersion": applied["apiVersion"], "fieldsV1": fields}])
}

/// Lists of what has a name are merged by it, mounts by their path; all others are one value.
fn owned(applied: &Value, live: &Value) -> Option<Value> {
    let fields = match (applied, live) {
        (Value::Object(applied), Value::Object(live)) => {
            let fields = applied
                .iter()
                .filter_map(|(name, value)| Some((format!("f:{name}"), owned(value, live.get(name)?)?)));
            fields.collect::<serde_json::Map<_, _>>()
        }
        (Value::Array(applied), Value::Array(live))
            if applied.iter().all(|item| item["name"].is_string()) =>
        {
            let items = applied.iter().filter_map(|item| {
                let key = if item["mountPath"].is_string() { "mountPath" } else { "name" };
                let found = live.iter().find(|other| other[key] == item[key])?;
                Some((format!("k:{}", json!({key: item[key]})), owned(item, found)?))
            });
            items.collect()
        }
        (applied, live) => return (applied == live).then(|| json!({})),
    };
    (!fields.is_empty() || applied.as_object().is_some_and(serde_json::Map::is_empty))
        .then_some(fields.into())
}

/// A JSON Patch of what the operator sends: guards, removals and replacements.
fn operate(object: &mut Value, operations: Vec<Value>) {
    for operation in operations {
        let pointer = operation["path"].as_str().unwrap().to_owned();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let name = name.replace("~1", "/").replace("~0", "~");
        let version = object["metadata"]["resourceVersion"].clone();
        match object.pointer_mut(parent).unwrap() {
            Value::Array(items) => drop(items.remove(name.parse().unwrap())),
            fields if operation["op"] == "replace" => fields[&*name] = operation["value"].clone(),
            fields => drop(fields.as_object_mut().unwrap().remove(&name).unwrap()),
        }
        assert!(pointer != "/metadata/resourceVersion" || version == operation["value"], "{operation}");
    }
    object["metadata"]["resourceVersion"] =
        json!(format!("{}0", object["metadata"]["resourceVersion"].as_str().unwrap_or("1")));
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

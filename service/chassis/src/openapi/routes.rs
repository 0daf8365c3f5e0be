//! `/openapi/spec.json` and `/openapi/v3.json`.

use std::sync::Arc;

use axum::{
    http::{HeaderMap, StatusCode},
    response::Response,
    routing::{MethodRouter, get},
};
use chassis_http::{Envelope, Origin, Routes, answer::json_line};
use serde_json::{Value, json};

use super::Description;

pub(crate) fn routes(description: &Arc<Description>) -> Routes {
    Routes::new(Envelope::Raw)
        .unqueued("/openapi/spec.json", document(description, Description::swagger, with_base_path))
        .unqueued("/openapi/v3.json", document(description, Description::openapi, with_server))
}

/// The document; `below` tells a client that comes through a proxy what to put before the paths.
fn document(
    description: &Arc<Description>,
    which: fn(&Description) -> &Value,
    below: fn(&mut Value, &str),
) -> MethodRouter {
    let description = Arc::clone(description);
    get(async move |headers: HeaderMap| -> Response {
        let prefix = Origin::of(&headers).path("");
        if prefix.is_empty() {
            return json_line(StatusCode::OK, which(&description));
        }
        let mut document = which(&description).clone();
        below(&mut document, &prefix);
        json_line(StatusCode::OK, &document)
    })
}

fn with_base_path(swagger: &mut Value, prefix: &str) {
    swagger["basePath"] = prefix.into();
}

fn with_server(openapi: &mut Value, prefix: &str) {
    openapi["servers"] = json!([{ "url": prefix }]);
}

//! `/openapi/spec.json`, `/openapi/v3.json` and Swagger UI at `/openapi/`.

use std::sync::Arc;

use axum::{
    http::{HeaderMap, StatusCode},
    response::Response,
    routing::{MethodRouter, get},
};
use chassis_http::{Envelope, Origin, Routes, answer::json_line};
use serde_json::{Value, json};

use super::Description;
use crate::assets::{Asset, Kind, redirect};

const PAGE: Asset = Asset::plain(Kind::Html, include_bytes!("../../assets/swagger-ui/index.html"));
const START: Asset = Asset::plain(Kind::Script, include_bytes!("../../assets/swagger-ui/start.js"));
const SCRIPT: Asset =
    Asset::compressed(Kind::Script, include_bytes!("../../assets/swagger-ui/swagger-ui-bundle.js.gz"));
const STYLE: Asset =
    Asset::compressed(Kind::Style, include_bytes!("../../assets/swagger-ui/swagger-ui.css.gz"));

pub(crate) fn routes(description: &Arc<Description>) -> Routes {
    Routes::new(Envelope::Raw)
        .unqueued("/openapi/spec.json", document(description, Description::swagger, with_base_path))
        .unqueued("/openapi/v3.json", document(description, Description::openapi, with_server))
        .unqueued("/openapi", redirect("/openapi/"))
        .unqueued("/openapi/", PAGE.route())
        .unqueued("/openapi/start.js", START.route())
        .unqueued("/openapi/swagger-ui-bundle.js", SCRIPT.route())
        .unqueued("/openapi/swagger-ui.css", STYLE.route())
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

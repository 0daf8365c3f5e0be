//! A page for people: what the service can do, with a form to try each operation, at `/static/index.html`.
//!
//! It is made from the OpenAPI document when the service starts, so it shows what this process serves. `GET /` leads
//! there, and so does every route that a feature mounts with [`redirect`] (contract 3.1.11).

mod page;

use std::sync::Arc;

use axum::routing::{MethodRouter, get};
use chassis_http::{Data, Envelope, Routes};

use crate::{
    assets::{self, Asset, Kind},
    config::{Config, Root},
    openapi::Description,
};

const PAGE: &str = "/static/index.html";
const STYLE: Asset = Asset::plain(Kind::Style, include_bytes!("../../assets/docs/docs.css"));
const SCRIPT: Asset = Asset::plain(Kind::Script, include_bytes!("../../assets/docs/docs.js"));

/// `GET`: 302 to the page.
///
/// ```
/// let routes = chassis::Routes::default().unqueued("/fibonacci/docs", chassis::docs::redirect());
/// ```
pub fn redirect() -> MethodRouter {
    assets::redirect(PAGE)
}

/// The page with what it needs, and `/`.
pub(crate) fn routes(config: &Config, description: &Arc<Description>) -> [Routes; 2] {
    let page = Asset::made(Kind::Html, page::of(description.openapi()));
    let pages = Routes::new(Envelope::Raw)
        .unqueued(PAGE, page.route())
        .unqueued("/static/docs.css", STYLE.route())
        .unqueued("/static/docs.js", SCRIPT.route());
    let root = match config.http.root {
        Root::Docs => Routes::new(Envelope::Raw).unqueued("/", redirect()),
        Root::Index => Routes::new(Envelope::Code).unqueued("/", index(&config.service.name)),
    };
    [pages, root]
}

/// Who is here: `{"code": 0, "data": "user service"}` (contract 5.3.17).
fn index(name: &str) -> MethodRouter {
    let text = format!("{name} service");
    get(async move || Data::new(text))
}

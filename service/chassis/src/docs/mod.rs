//! The page for people: Swagger UI, with a form to try each operation, at `/openapi/` and at `/static/index.html`.
//!
//! It reads `/openapi/v3.json`, so it shows what this process serves. `GET /` leads there, and so does every route that
//! a feature mounts with [`redirect`] (contract 3.1.11). All its files are part of the program: a browser that opens it
//! needs no other host.

use axum::routing::{MethodRouter, get};
use chassis_http::{Data, Envelope, Routes};

use crate::{
    assets::{self, Asset, Kind},
    config::{Config, Root},
};

const PATH: &str = "/static/index.html";
const PAGE: Asset = Asset::plain(Kind::Html, include_bytes!("../../assets/swagger-ui/index.html"));
const START: Asset = Asset::plain(Kind::Script, include_bytes!("../../assets/swagger-ui/start.js"));
const SCRIPT: Asset =
    Asset::compressed(Kind::Script, include_bytes!("../../assets/swagger-ui/swagger-ui-bundle.js.gz"));
const STYLE: Asset =
    Asset::compressed(Kind::Style, include_bytes!("../../assets/swagger-ui/swagger-ui.css.gz"));

/// `GET`: 302 to the page.
///
/// ```
/// let routes = chassis::Routes::default().unqueued("/fibonacci/docs", chassis::docs::redirect());
/// ```
pub fn redirect() -> MethodRouter {
    assets::redirect(PATH)
}

/// The page with what it needs, and `/`.
pub(crate) fn routes(config: &Config) -> [Routes; 2] {
    let pages = Routes::new(Envelope::Raw)
        .unqueued(PATH, PAGE.route())
        .unqueued("/openapi", assets::redirect("/openapi/"))
        .unqueued("/openapi/", PAGE.route())
        .unqueued("/openapi/start.js", START.route())
        .unqueued("/openapi/swagger-ui-bundle.js", SCRIPT.route())
        .unqueued("/openapi/swagger-ui.css", STYLE.route());
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

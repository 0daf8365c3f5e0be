//! A list in pages, in an envelope, that describes itself:
//!
//! ```text
//! cargo run -p chassis --example pages
//! curl 'localhost:8080/squares?limit=2'      # {"meta":{..."pagination":{...}},"data":[0,1]}
//! curl 'localhost:8080/squares?limit=x'      # {"meta":...,"errors":[{"message":"Invalid parameter 'limit=x'"}]}
//! ```
//!
//! `localhost:8080` shows it in Swagger UI, with a form to try it.

use std::{convert::Infallible, process::ExitCode};

use chassis::{
    App, Config, Data, Envelope, Page, Paging, Routes, answer::ServiceError, openapi::schema::Errors,
};
use utoipa_axum::routes;

const ALL: i64 = 1000;

/// Squares of the numbers from 0 on
#[utoipa::path(
    get,
    path = "/squares",
    params(("offset" = Option<i64>, Query, minimum = 0), ("limit" = Option<i64>, Query, minimum = 1)),
    responses((status = 200, body = Vec<i64>), (status = 400, description = "No such page", body = Errors)),
)]
async fn squares(page: Page) -> Result<Data<Vec<i64>>, ServiceError> {
    page.read(async |offset: i64, limit| {
        let first = offset.min(ALL);
        Ok((first..ALL.min(first + limit)).map(|number| number * number).collect())
    })
    .await
}

fn mount(app: App, config: &Config) -> App {
    let paging = Paging::new(config.api.page_size);
    let routes =
        Routes::new(Envelope::Meta).described(routes!(squares), paging).maximum("limit", paging.longest());
    app.mount(routes)
}

fn main() -> ExitCode {
    chassis::run(Config::read, |app, config| Ok::<_, Infallible>(mount(app, config)))
}

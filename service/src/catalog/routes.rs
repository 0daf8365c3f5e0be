//! The routes of the feature.

use axum::extract::{FromRef, Path, State, rejection::PathRejection};
use chassis::{
    App, Data, Envelope, Page, Paging, Routes,
    answer::ServiceError,
    config::Count,
    db::Database,
    openapi::schema::{Errors, Message},
};
use utoipa_axum::routes;

use super::products::{self, Product};

#[derive(Clone)]
struct Feature {
    paging: Paging,
    database: Database,
}

impl FromRef<Feature> for Paging {
    fn from_ref(feature: &Feature) -> Self {
        feature.paging
    }
}

/// Adds `GET /simple/{id}` and `GET /products`, the latter with and without a slash (contract 4.4.27).
pub(crate) fn mount(app: App, page_size: Count, database: Database) -> App {
    let paging = Paging::new(page_size);
    let feature = Feature { paging, database };
    app.mount(
        Routes::new(Envelope::Meta)
            .described(routes!(simple), ())
            .described(routes!(list), feature.clone())
            .paged(paging)
            .route("/products/", axum::routing::get(list).with_state(feature)),
    )
}

/// Says that it works
#[utoipa::path(
    get,
    path = "/simple/{id}",
    operation_id = "simple",
    tag = "catalog",
    params(("id" = String, Path, description = "Any text", example = "123")),
    responses((
        status = 200,
        description = "It works",
        body = String,
        content_type = "application/json",
        example = json!("It works for 123"),
    ), (status = 404, description = "The id is no text", body = Message)),
)]
async fn simple(id: Result<Path<String>, PathRejection>) -> Result<Data<String>, ServiceError> {
    // Bytes that are no text name nothing.
    let Path(id) = id.map_err(|_| ServiceError::NotFound)?;
    tracing::info!("I received a GET request for {id}");
    Ok(Data::new(format!("It works for {id}")))
}

/// Products, the oldest first
///
/// In pages: `meta.pagination` has the links to the next and the previous one, or null.
#[utoipa::path(
    get,
    path = "/products",
    operation_id = "products",
    tag = "catalog",
    params(
        ("offset" = Option<i64>, Query, description = "Products before the page", minimum = 0, nullable = false),
        ("limit" = Option<i64>, Query, description = "Products of the page; at most four times the default of 25", minimum = 1, nullable = false),
    ),
    responses(
        (status = 200, description = "A page", body = Vec<Product>),
        (
            status = 400,
            description = "No such page",
            body = Errors,
            example = json!({
                "meta": {"operation_id": "79bfcecd-55ba-4f97-b175-b104962cafa2"},
                "errors": [{"message": "Invalid parameter 'offset=abc'"}],
            }),
        ),
    ),
)]
async fn list(page: Page, State(feature): State<Feature>) -> Result<Data<Vec<Product>>, ServiceError> {
    page.read(async |offset, limit| Ok(products::page(&feature.database, offset, limit).await?)).await
}

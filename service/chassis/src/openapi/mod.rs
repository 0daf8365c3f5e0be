//! The API described for programs: OpenAPI 3.1 and Swagger 2.0, made from the routes.
//!
//! A feature describes its handlers with `utoipa::path` and mounts them with
//! [`Routes::described`](crate::Routes::described). The handlers say nothing of envelopes and limits: what those add
//! is added here.
//!
//! ```
//! use axum::extract::Query;
//! use chassis::{App, Config, Data, Envelope, Routes, config::{Sources, load}};
//! use utoipa_axum::routes;
//!
//! /// Twice the number
//! #[utoipa::path(get, path = "/twice", params(("number" = u32, Query)), responses((status = 200, body = Vec<u32>)))]
//! async fn twice(Query(query): Query<Vec<(String, u32)>>) -> Data<Vec<u32>> {
//!     Data::new(query.into_iter().map(|(_, number)| number * 2).collect())
//! }
//!
//! let app = App::new()?.mount(Routes::new(Envelope::Code).described(routes!(twice), ()));
//! let config = load(&Sources::default(), Config::read)?.config;
//! let description = app.description(&config);
//! assert_eq!(description.openapi()["paths"]["/twice"]["get"]["summary"], "Twice the number");
//! assert_eq!(description.swagger()["swagger"], "2.0");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod description;
mod document;
mod envelope;
mod routes;
pub mod schema;
mod swagger;

pub use self::description::Description;
pub(crate) use self::routes::routes;

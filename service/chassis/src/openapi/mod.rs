//! The API described for programs: OpenAPI 3.1 and Swagger 2.0, made from the routes.
//!
//! A feature describes its handlers with `utoipa::path` and mounts them with
//! [`Routes::described`](crate::Routes::described). The handlers say nothing of envelopes and limits: what those add
//! is added here.
//!
//! ```
//! use axum::extract::Query;
//! use chassis::{App, Config, Data, Envelope, Routes, config::{Sources, load}, openapi::Description};
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
//! let description = Description::of(&config, &app);
//! assert_eq!(description.openapi()["paths"]["/twice"]["get"]["summary"], "Twice the number");
//! assert_eq!(description.swagger()["swagger"], "2.0");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod document;
mod envelope;
mod routes;
pub mod schema;
mod swagger;

use serde_json::Value;

pub(crate) use self::routes::routes;
use crate::{App, Config};

/// Both documents of one program.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    openapi: Value,
    swagger: Value,
}

impl Description {
    /// Of the routes of `app`, under the name and version of `config`.
    pub fn of(config: &Config, app: &App) -> Self {
        Self {
            openapi: document::of(config, &app.features, envelope::wrap),
            // Contract 5.9.34: this one shows what is inside the envelope.
            swagger: swagger::of(&document::of(config, &app.features, |_, _| {})),
        }
    }

    /// OpenAPI 3.1, with the envelopes.
    pub const fn openapi(&self) -> &Value {
        &self.openapi
    }

    /// Swagger 2.0, without the envelopes (contract 5.9.34).
    pub const fn swagger(&self) -> &Value {
        &self.swagger
    }
}

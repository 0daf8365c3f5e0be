//! Both documents.

use chassis_http::Routes;
use serde_json::Value;

use super::{document, envelope, swagger};
use crate::config::Config;

/// Both documents of one program.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    openapi: Value,
    swagger: Value,
}

impl Description {
    /// Of `features`, under the name and version of `config`.
    pub fn of(config: &Config, features: &[Routes]) -> Self {
        Self {
            openapi: document::of(config, features, envelope::wrap),
            // Contract 5.9.34: this one shows what is inside the envelope.
            swagger: swagger::of(&document::of(config, features, |_, _| {})),
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

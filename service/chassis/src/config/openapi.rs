//! What the OpenAPI document says.

use chassis_config::{Optional, section};

section! {
    /// The section `openapi`: what the document says besides the routes (contract 5.9.33).
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct OpenApi in "openapi", pub(super) fn read;
    /// What the service is for.
    description: String =
        "Every answer carries `X-Operation-Id`, under which the log has what happened.".to_owned();
    /// A URL of the terms of service.
    terms_of_service: Optional = Optional::NONE;
    /// Whom to write to.
    contact_email: Optional = Optional::NONE;
}

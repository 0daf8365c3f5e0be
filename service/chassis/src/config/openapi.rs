//! What the OpenAPI document says.

use chassis_config::{Optional, Reader};

/// The section `openapi`: what the document says besides the routes (contract 5.9.33).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenApi {
    /// What the service is for.
    pub description: String,
    /// A URL. Default none.
    pub terms_of_service: Optional,
    /// Whom to write to. Default nobody.
    pub contact_email: Optional,
}

impl OpenApi {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let description = "Every answer carries `X-Operation-Id`, under which the log has what happened.";
        Self {
            description: reader.key("openapi.description").or(description.to_owned()),
            terms_of_service: reader.key("openapi.terms_of_service").or(Optional::NONE),
            contact_email: reader.key("openapi.contact_email").or(Optional::NONE),
        }
    }
}

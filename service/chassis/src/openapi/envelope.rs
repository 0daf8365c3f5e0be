//! What the envelopes add to schemas.

use chassis_http::Envelope;
use serde_json::{Value, json};
use utoipa::{
    PartialSchema,
    openapi::{RefOr, Schema},
};

use super::schema::{CodedMessage, Error, Errors, Message, Meta};

/// The schema of an answer around the schema of its data.
pub(super) fn wrap(envelope: Envelope, schema: &mut Value) {
    let data = schema.take();
    *schema = match envelope {
        Envelope::Raw | Envelope::RawError => data,
        Envelope::Meta => json!({
            "type": "object",
            "required": ["meta", "data"],
            "properties": { "meta": Meta::schema(), "data": data },
        }),
        Envelope::Code => json!({
            "type": "object",
            "required": ["code", "data"],
            "properties": { "code": { "type": "integer", "const": 0 }, "data": data },
        }),
    };
}

/// Schemas of a router's errors with their names; the first is that of the chassis' own.
pub(super) fn errors(envelope: Envelope) -> Vec<(&'static str, RefOr<Schema>)> {
    match envelope {
        Envelope::Raw => vec![("Message", Message::schema())],
        Envelope::RawError => vec![("Error", Error::schema())],
        Envelope::Meta => vec![("Message", Message::schema()), ("Errors", Errors::schema())],
        Envelope::Code => vec![("CodedMessage", CodedMessage::schema())],
    }
}

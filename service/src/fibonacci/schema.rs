//! What the OpenAPI document says of lists. The handler writes them without these types.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

/// The first numbers of the sequence.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes")]
pub(super) struct List {
    /// As many as asked for, exact at any size: from the 80th on they are too large for the numbers of JavaScript.
    #[schema(inline)]
    answer: Vec<Number>,
}

/// Without a format: those have sizes.
struct Number;

impl PartialSchema for Number {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).into()
    }
}

impl ToSchema for Number {}

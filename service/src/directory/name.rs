//! Names that the database can keep.

use serde::{Deserialize, Deserializer, de::Error};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

/// A text of 1 to `LONGEST` characters. PostgreSQL can't keep the character NUL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name<const LONGEST: usize>(String);

impl<const LONGEST: usize> Name<LONGEST> {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de, const LONGEST: usize> Deserialize<'de> for Name<LONGEST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if !(1..=LONGEST).contains(&text.chars().count()) {
            return Err(D::Error::custom(format_args!("must have 1 to {LONGEST} characters")));
        }
        if text.contains('\0') {
            return Err(D::Error::custom("must not contain the character NUL"));
        }
        Ok(Self(text))
    }
}

impl<const LONGEST: usize> PartialSchema for Name<LONGEST> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(LONGEST))
            .pattern(Some("^[^\\u0000]*$"))
            .into()
    }
}

impl<const LONGEST: usize> ToSchema for Name<LONGEST> {}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_is_as_long_as_its_column() {
        for (text, good) in [("a", true), ("äöüß", true), ("", false), ("äöüß+", false), ("a\0", false)]
        {
            assert_eq!(serde_json::from_value::<Name<4>>(json!(text)).is_ok(), good, "{text:?}");
        }
    }
}

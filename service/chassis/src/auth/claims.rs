//! What a token says.

use std::{convert::Infallible, fmt, sync::Arc};

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use chassis_http::answer::ServiceError;
use http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::refusal::{Reason, Refusal};

/// The claims of the token of this request, all of them checked. Cheap to clone.
///
/// As an argument of a handler: 401 where no token was asked for, which is on exempt paths and without `auth.issuer`;
/// `Option<Claims>` is `None` there.
#[derive(Clone)]
pub struct Claims(Arc<Map<String, Value>>);

impl Claims {
    pub(super) fn new(members: Map<String, Value>) -> Self {
        Self(Arc::new(members))
    }

    /// `sub`: who it is about, in the issuer's words.
    pub fn subject(&self) -> Option<&str> {
        self.get("sub")?.as_str()
    }

    /// One claim, for example `email`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// All claims as a type of the feature. An error when they have another shape.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        T::deserialize(Value::Object(self.0.as_ref().clone()))
    }

    /// Whether the token is good for `scope`: `scope` or `scp`, as a text with blanks or as a list.
    pub fn has_scope(&self, scope: &str) -> bool {
        ["scope", "scp"].into_iter().filter_map(|name| self.get(name)).any(|claim| match claim {
            Value::String(text) => text.split(' ').any(|each| each == scope),
            Value::Array(items) => items.iter().any(|each| each == scope),
            _ => false,
        })
    }

    /// The same as an error to answer with: 403 with `insufficient_scope`.
    pub fn require(&self, scope: &str) -> Result<(), ServiceError> {
        if self.has_scope(scope) { Ok(()) } else { Err(Refusal::scope(scope).into()) }
    }
}

impl fmt::Debug for Claims {
    /// Names only: the values are somebody's affair.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.0.keys()).finish()
    }
}

impl<S: Sync> FromRequestParts<S> for Claims {
    type Rejection = ServiceError;

    async fn from_request_parts(head: &mut Parts, _: &S) -> Result<Self, ServiceError> {
        head.extensions.get().cloned().ok_or_else(|| Refusal::from(Reason::Missing).into())
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Claims {
    type Rejection = Infallible;

    async fn from_request_parts(head: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(head.extensions.get().cloned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Claims {
        Claims::new(serde_json::from_value(value).unwrap())
    }

    #[test]
    fn issuers_write_scopes_in_four_ways() {
        for members in [
            json!({ "scope": "a orders.read b" }),
            json!({ "scope": ["a", "orders.read"] }),
            json!({ "scp": "orders.read" }),
            json!({ "scp": ["orders.read"] }),
        ] {
            let claims = claims(members);
            assert!(claims.has_scope("orders.read") && !claims.has_scope("orders"), "{claims:?}");
        }
        assert!(!claims(json!({ "scope": 1, "roles": "orders.read" })).has_scope("orders.read"));
    }

    #[derive(serde::Deserialize)]
    struct Mail {
        email: String,
    }

    #[test]
    fn claims_are_shown_without_their_values() {
        let claims = claims(json!({ "sub": "ada", "email": "ada@example.org" }));
        assert_eq!(claims.subject(), Some("ada"));
        assert_eq!(format!("{claims:?}"), r#"{"email", "sub"}"#);
        assert_eq!(claims.read::<Mail>().unwrap().email, "ada@example.org");
    }
}

//! The number of a thing in a path.

use axum::{
    extract::{FromRequestParts, OriginalUri, Path},
    http::request::Parts,
};

use crate::{answer::ServiceError, origin::Origin};

/// The only parameter of a path, a whole number. What is none names nothing: 404 with the URL (contract 5.1.6). A number
/// that is out of bounds is one that nothing has, `i64::MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Id(pub i64);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = ServiceError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ServiceError> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        if let Some(id) = text.ok().and_then(|Path(text)| number(&text)) {
            return Ok(Self(id));
        }
        let OriginalUri(uri) =
            OriginalUri::from_request_parts(parts, state).await.unwrap_or_else(|never| match never {});
        let path = uri.path_and_query().map_or("/", |whole| whole.as_str());
        Err(ServiceError::UnknownUrl { url: Origin::of(&parts.headers).url(path).into() })
    }
}

fn number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    whole.then(|| text.parse().unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_made_of_digits() {
        for (text, id) in [
            ("7", Some(7)),
            ("-7", Some(-7)),
            ("007", Some(7)),
            ("99999999999999999999", Some(i64::MAX)),
            ("+7", None),
            ("7.0", None),
            ("", None),
            ("-", None),
            ("٣", None),
        ] {
            assert_eq!(number(text), id, "{text}");
        }
    }
}

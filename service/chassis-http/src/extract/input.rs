//! A body of JSON.

use std::fmt::Display;

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::StatusCode,
};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::answer::{Failure, Fault, ServiceError};

/// The body as a JSON object, whatever its content type says. What is no JSON is refused with 400, what has another
/// shape with 422 and the path of the first member that is wrong (contract 5.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Input<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Input<T> {
    type Rejection = ServiceError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ServiceError> {
        let body = Bytes::from_request(request, state).await.map_err(|_| ServiceError::BadBody)?;
        Ok(Self(parse(&body)?))
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    // serde takes a list for an object, its items for the members in the order of their declaration.
    if body.trim_ascii_start().starts_with(b"[") {
        let fault = Fault::new("expected a JSON object, not a list");
        return Err(Failure::new(StatusCode::UNPROCESSABLE_ENTITY).fault(fault));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        refusal(error.inner(), &path)
    })?;
    json.end().map_err(|error| refusal(&error, "."))?;
    Ok(value)
}

/// `path` is `.` for the whole.
fn refusal(error: &serde_json::Error, path: &str) -> Failure {
    let text = plain(&error.to_string());
    match error.classify() {
        Category::Data if path == "." => {
            Failure::new(StatusCode::UNPROCESSABLE_ENTITY).fault(Fault::new(text))
        }
        Category::Data => {
            let fault = Fault::new(format!("{path}: {text}")).at(path.to_owned());
            Failure::new(StatusCode::UNPROCESSABLE_ENTITY).fault(fault)
        }
        _ if text.starts_with("recursion limit exceeded") => Failure::new(StatusCode::BAD_REQUEST)
            .message("the body is nested too deeply: more than 127 levels"),
        Category::Io | Category::Syntax | Category::Eof => {
            Failure::new(StatusCode::BAD_REQUEST).message(format!("the body is not JSON: {text}"))
        }
    }
}

/// What a member should be in the words of JSON, not of Rust: `expected i32` means nothing to a client.
fn plain(text: &str) -> String {
    let Some((before, rest)) = text.split_once("expected ") else { return text.to_owned() };
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    let (kind, after) = rest.split_at(end);
    let whole = |least: &dyn Display, most: &dyn Display| format!("a whole number from {least} to {most}");
    let kind = match kind {
        "i8" => whole(&i8::MIN, &i8::MAX),
        "i16" => whole(&i16::MIN, &i16::MAX),
        "i32" => whole(&i32::MIN, &i32::MAX),
        "i64" => whole(&i64::MIN, &i64::MAX),
        "u8" => whole(&u8::MIN, &u8::MAX),
        "u16" => whole(&u16::MIN, &u16::MAX),
        "u32" => whole(&u32::MIN, &u32::MAX),
        "u64" => whole(&u64::MIN, &u64::MAX),
        "f32" | "f64" => "a number".to_owned(),
        _ => return text.to_owned(),
    };
    format!("{before}expected {kind}{after}")
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct User {
        #[expect(dead_code, reason = "only read")]
        name: String,
        #[expect(dead_code, reason = "only read")]
        ages: Vec<u8>,
    }

    #[test]
    fn a_wrong_body_is_refused_with_what_is_wrong_and_where() {
        for (body, status, text) in [
            ("", 400, "the body is not JSON: EOF while parsing a value at line 1 column 0"),
            ("{\"name\":", 400, "the body is not JSON: EOF while parsing a value at line 1 column 8"),
            (
                "{\"name\":\"a\",\"ages\":[]}x",
                400,
                "the body is not JSON: trailing characters at line 1 column 23",
            ),
            ("nil", 400, "the body is not JSON: expected ident at line 1 column 2"),
            (" [\"a\", []]", 422, "expected a JSON object, not a list"),
            ("{\"ages\":[]}", 422, "missing field `name` at line 1 column 11"),
            (
                "{\"name\":\"a\",\"ages\":[1,\"x\"]}",
                422,
                "ages[1]: invalid type: string \"x\", expected a whole number from 0 to 255 at line 1 column 25",
            ),
        ] {
            let failure = parse::<User>(body.as_bytes()).unwrap_err();
            assert_eq!((failure.status.as_u16(), failure.text().as_ref()), (status, text), "{body}");
        }
        let deep = format!("{{\"more\":{}{}}}", "[".repeat(200), "]".repeat(200));
        let failure = parse::<serde_json::Value>(deep.as_bytes()).unwrap_err();
        assert_eq!(failure.text(), "the body is nested too deeply: more than 127 levels");
        assert!(parse::<User>(b" {\"name\":\"a\",\"ages\":[1], \"more\": 1}\n").is_ok());
    }
}

//! An app in the process of its test.

use std::fmt::{Display, Write};

use axum::body::Body;
use chassis::{
    App, Config,
    client::Answer,
    openapi::Description,
    server::{Front, InProcess, ServerError},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use http_body_util::BodyExt;
use serde::Serialize;
use tower::Service;

/// Why a call of the kit has no answer.
#[derive(Debug, thiserror::Error)]
pub enum KitError {
    /// No operation of the OpenAPI document is called so.
    #[error("no handler is called {name}; there are: {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The operations there are.
        known: String,
    },
    /// The path has a part that nobody gave.
    #[error("{path} needs a value for {{{part}}}; give one with `arg`")]
    Missing {
        /// Path of the operation.
        path: String,
        /// Name of the part.
        part: String,
    },
    /// The data is no JSON.
    #[error("the data cannot be written as JSON")]
    Data(#[from] serde_json::Error),
    /// The path is none, or a header.
    #[error("this is no request")]
    Request(#[from] http::Error),
    /// The answer ended before it was complete.
    #[error("the answer broke off")]
    Body(#[from] axum::Error),
}

/// All of an app but its sockets.
#[derive(Debug)]
pub struct Kit {
    description: Description,
    server: InProcess,
}

impl Kit {
    /// The app as a server would have it.
    pub async fn new(config: &Config, app: App) -> Result<Self, ServerError> {
        let description = app.description(config);
        Ok(Self { description, server: InProcess::new(config, app).await? })
    }

    /// Begins a call of the handler with this operation id.
    pub fn call(&self, name: &str) -> KitCall {
        let operations = || operations(&self.description);
        let target = operations().find(|(_, _, id)| *id == name).map(|(path, method, _)| {
            (Method::from_bytes(method.to_ascii_uppercase().as_bytes()).unwrap_or_default(), path.to_owned())
        });
        let known = || operations().map(|(_, _, id)| id).collect::<Vec<_>>().join(", ");
        let target = target.ok_or_else(|| KitError::Unknown { name: name.to_owned(), known: known() });
        KitCall::new(self.server.service(), target)
    }

    /// Begins a request to the service port.
    pub fn request(&self, method: Method, path: &str) -> KitCall {
        KitCall::new(self.server.service(), Ok((method, path.to_owned())))
    }

    /// Begins a request to the admin port.
    pub fn admin(&self, path: &str) -> KitCall {
        KitCall::new(self.server.admin(), Ok((Method::GET, path.to_owned())))
    }
}

/// Path, method and name of each.
fn operations(description: &Description) -> impl Iterator<Item = (&str, &str, &str)> {
    let paths = description.openapi()["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, item)| {
        let operations = item.as_object().into_iter().flatten();
        operations.filter_map(|(method, each)| {
            Some((path.as_str(), method.as_str(), each["operationId"].as_str()?))
        })
    })
}

/// A request that has not been sent.
#[derive(Debug)]
#[must_use = "a call is made by `send`"]
pub struct KitCall {
    front: Front,
    target: Result<(Method, String), KitError>,
    args: Vec<(String, String)>,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    body: Result<Vec<u8>, serde_json::Error>,
}

impl KitCall {
    fn new(front: Front, target: Result<(Method, String), KitError>) -> Self {
        Self {
            front,
            target,
            args: Vec::new(),
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: Ok(Vec::new()),
        }
    }

    /// The value of a part of the path, such as `{id}`.
    pub fn arg(mut self, name: &str, value: impl Display) -> Self {
        self.args.push((name.to_owned(), value.to_string()));
        self
    }

    /// A parameter of the query.
    pub fn param(mut self, name: &str, value: impl Display) -> Self {
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    /// A header.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// A body in JSON.
    pub fn data(mut self, data: &impl Serialize) -> Self {
        self.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.body = serde_json::to_vec(data);
        self
    }

    /// A body as it is.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Ok(body.into());
        self
    }

    /// Sends it; every status is an answer.
    pub async fn send(mut self) -> Result<Answer, KitError> {
        let (method, path) = self.target?;
        let mut path = filled(&path, &self.args)?;
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(self.query).finish();
        if !query.is_empty() {
            path.push(if path.contains('?') { '&' } else { '?' });
            path.push_str(&query);
        }
        let mut request = Request::builder().method(method).uri(path).body(Body::from(self.body?))?;
        request.headers_mut().insert(header::HOST, HeaderValue::from_static("testkit"));
        request.headers_mut().extend(self.headers);
        let answer = self.front.call(request).await.unwrap_or_else(|never| match never {});
        let (head, body) = answer.into_parts();
        Ok(Answer::new("testkit", head, body.collect().await?.to_bytes()))
    }
}

/// `path` with the values of its parts.
fn filled(path: &str, args: &[(String, String)]) -> Result<String, KitError> {
    let mut filled = String::new();
    let mut rest = path;
    while let Some((before, (part, after))) =
        rest.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    {
        let given = args.iter().find(|(name, _)| name == part.trim_start_matches('*'));
        let missing = || KitError::Missing { path: path.to_owned(), part: part.to_owned() };
        let (_, value) = given.ok_or_else(missing)?;
        filled.push_str(before);
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                filled.push(byte.into());
            } else {
                // Writing to a string does not fail.
                _ = write!(filled, "%{byte:02X}");
            }
        }
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_path_are_filled_in_and_encoded() {
        let args = [("id".to_owned(), "a b/ü".to_owned()), ("n".to_owned(), "7".to_owned())];
        assert_eq!(filled("/users/{id}/x/{n}", &args).unwrap(), "/users/a%20b%2F%C3%BC/x/7");
        assert_eq!(filled("/users", &args).unwrap(), "/users");
        let error = filled("/users/{name}", &args).unwrap_err().to_string();
        assert_eq!(error, "/users/{name} needs a value for {name}; give one with `arg`");
    }
}

//! Other services, as a test wants them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use chassis::client::{Cause, Transport};
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Collected, Full};
use serde::Serialize;

/// Stands for every upstream of the app that it is given to. Clones are the same mock.
#[derive(Debug, Clone, Default)]
pub struct Mock(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    replies: HashMap<(Method, String), Reply>,
    calls: Vec<Asked>,
}

/// A request that has reached the mock; a retry is one of its own.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its method.
    pub method: Method,
    /// Its URL, the parameters sorted.
    pub url: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// What the mock says.
#[derive(Debug, Clone)]
pub struct Reply(Result<(StatusCode, HeaderMap, Bytes), String>);

impl Reply {
    /// 200 with `body` as JSON.
    pub fn json(body: &impl Serialize) -> Self {
        let reply = serde_json::to_vec(body).map_err(|error| error.to_string()).map(|body| {
            let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            (StatusCode::OK, HeaderMap::from_iter([json]), body.into())
        });
        Self(reply)
    }

    /// This status, without a body.
    pub fn empty(status: StatusCode) -> Self {
        Self(Ok((status, HeaderMap::new(), Bytes::new())))
    }

    /// The connection breaks, for this reason.
    pub fn failure(reason: impl Into<String>) -> Self {
        Self(Err(reason.into()))
    }

    /// The same with another status.
    #[must_use]
    pub fn status(self, status: StatusCode) -> Self {
        Self(self.0.map(|(_, headers, body)| (status, headers, body)))
    }

    /// The same with a header more.
    #[must_use]
    pub fn header(self, name: HeaderName, value: HeaderValue) -> Self {
        Self(self.0.map(|(status, mut headers, body)| {
            headers.insert(name, value);
            (status, headers, body)
        }))
    }
}

impl Mock {
    /// That knows no request: each is a broken connection that says so.
    pub fn new() -> Self {
        Self::default()
    }

    /// What is said to `method` of `url` from now on; the order of its parameters plays no role.
    pub fn on(&self, method: Method, url: &str, reply: Reply) {
        self.state().replies.insert((method, sorted(url)), reply);
    }

    /// What was asked so far, the oldest first.
    pub fn calls(&self) -> Vec<Asked> {
        self.state().calls.clone()
    }

    async fn answer(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, Cause> {
        let (head, body) = request.into_parts();
        let Ok(body) = body.collect().await.map(Collected::to_bytes);
        let (method, url) = (head.method, sorted(&head.uri.to_string()));
        let mut state = self.state();
        let reply = state.replies.get(&(method.clone(), url.clone())).cloned();
        let reply =
            reply.unwrap_or_else(|| Reply::failure(format!("the mock has nothing on {method} {url}")));
        state.calls.push(Asked { method, url, headers: head.headers, body });
        let (status, headers, body) = reply.0.map_err(Cause::Broken)?;
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for Mock {
    fn send(&self, request: Request<Full<Bytes>>) -> BoxFuture<'_, Result<Response<Bytes>, Cause>> {
        Box::pin(self.answer(request))
    }
}

/// `url` with its parameters in order.
fn sorted(url: &str) -> String {
    let Some((path, query)) = url.split_once('?') else { return url.to_owned() };
    let mut parameters: Vec<&str> = query.split('&').collect();
    parameters.sort_unstable();
    format!("{path}?{}", parameters.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_parameters_plays_no_role() {
        assert_eq!(sorted("http://h/x?b=2&a=1&a=0"), "http://h/x?a=0&a=1&b=2");
        assert_eq!(sorted("http://h/x"), "http://h/x");
    }
}

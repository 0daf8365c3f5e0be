use std::error::Error as _;

use bytes::Bytes;
use http::{Request, Response, header::HOST, request::Builder};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, Error, connect::HttpConnector},
    rt::TokioExecutor,
};

/// Asks pods and Services. Each time by a new connection: one that is kept proves nothing of the way there.
#[derive(Clone, Debug)]
pub struct Http(Client<HttpConnector, Empty<Bytes>>);

impl Default for Http {
    fn default() -> Self {
        Self(Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http())
    }
}

impl Http {
    /// The head of the answer, or why there is none.
    pub async fn get(&self, url: &str) -> Result<Response<Incoming>, Unanswered> {
        self.send(url, Request::get(url)).await
    }

    /// The same, asking for another host than that of the URL.
    pub async fn get_as(&self, host: &str, url: &str) -> Result<Response<Incoming>, Unanswered> {
        self.send(url, Request::get(url).header(HOST, host)).await
    }

    async fn send(&self, url: &str, request: Builder) -> Result<Response<Incoming>, Unanswered> {
        let request = request.body(Empty::new()).map_err(|_| Unanswered::Lost(format!("{url} is no URL")))?;
        self.0.request(request).await.map_err(|error| {
            let words = format!("GET {url}: {}", words(&error));
            if is_refused(&error) { Unanswered::Refused(words) } else { Unanswered::Lost(words) }
        })
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Unanswered {
    /// Nobody listens.
    Refused(String),
    /// All else.
    Lost(String),
}

impl From<Unanswered> for String {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Refused(words) | Unanswered::Lost(words) => words,
        }
    }
}

fn is_refused(error: &Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        let error_of_io = error.downcast_ref::<std::io::Error>();
        if error_of_io.is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The innermost cause: hyper's own words say only that connecting failed.
fn words(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    match error.source() {
        Some(_) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

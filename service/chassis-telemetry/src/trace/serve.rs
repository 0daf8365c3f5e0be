//! The span of a request that has come in.

use std::{fmt, net::IpAddr, sync::Arc};

use http::{HeaderMap, Uri, header, request};

use super::{
    ids::{SpanId, TraceId},
    kind::Kind,
    link::Link,
    propagation::{self, Incoming},
    span::{Request, Span},
    tracer::Tracer,
};

impl Tracer {
    /// Begins the span of a request that has come in (contract 5.7.26-27).
    pub fn serve(self: &Arc<Self>, head: &request::Parts, peer: Option<IpAddr>) -> Request {
        let Incoming { parent, sampled, carried } = propagation::extract(&head.headers);
        let (trace, parent) = match parent {
            Some((trace, span)) => (trace, Some(span)),
            None => (TraceId::random(), None),
        };
        let sampled = match sampled {
            Some(true) => self.samples(trace) || self.forced.take(),
            Some(false) => false,
            None => self.samples(trace),
        };
        let link = Link { trace, span: SpanId::random(), sampled, carried };
        let mut span = Span::open(self, link.clone(), parent, Kind::Server, "");
        if span.is_recorded() {
            // What it is called if the client leaves before there is an answer.
            span.rename(head.method.to_string());
            span.tag("http.method", &head.method);
            span.tag("http.url", UrlOf(&head.uri, &head.headers));
            match peer.map(|peer| peer.to_canonical()) {
                Some(IpAddr::V4(peer)) => span.tag("peer.ipv4", peer),
                Some(IpAddr::V6(peer)) => span.tag("peer.ipv6", peer),
                None => {}
            }
        }
        Request::new(Arc::clone(self), link, span, head.method.clone())
    }
}

/// The absolute URL of a request. Values of parameters that are secrets by their name are left out.
struct UrlOf<'r>(&'r Uri, &'r HeaderMap);

impl fmt::Display for UrlOf<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.1.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = self.0.authority().map(http::uri::Authority::as_str).or(host).unwrap_or_default();
        write!(out, "http://{host}{}", self.0.path())?;
        let mut before = '?';
        for parameter in self.0.query().into_iter().flat_map(|query| query.split('&')) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let shown = if is_secret(name) && !value.is_empty() { "REDACTED" } else { value };
            let equals = if parameter.contains('=') { "=" } else { "" };
            write!(out, "{before}{name}{equals}{shown}")?;
            before = '&';
        }
        Ok(())
    }
}

fn is_secret(name: &str) -> bool {
    const SECRET: [&str; 6] = ["token", "password", "passwd", "secret", "key", "signature"];
    let name = name.to_ascii_lowercase();
    SECRET.iter().any(|secret| name.ends_with(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contract_5_7_27_the_url_is_absolute_and_shows_no_secret() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "users:8080".parse().unwrap());
        for (uri, shown) in [
            ("/users/7?a=1&b", "http://users:8080/users/7?a=1&b"),
            (
                "/x?access_token=abc&api_key=d&q=1",
                "http://users:8080/x?access_token=REDACTED&api_key=REDACTED&q=1",
            ),
            ("http://other/y", "http://other/y"),
        ] {
            assert_eq!(UrlOf(&uri.parse().unwrap(), &headers).to_string(), shown);
        }
    }
}

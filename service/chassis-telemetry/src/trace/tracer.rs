//! What begins traces, and hands finished spans on.

use std::{fmt, net::IpAddr, sync::Arc};

use http::{HeaderMap, Uri, header, request};
use tokio::sync::mpsc::{self, error::TrySendError};

use super::{
    Kind, Request, Span,
    export::Loss,
    ids::{SpanId, TraceId},
    link::Link,
    propagation::{self, Incoming},
    record::Record,
};
use crate::config::{Propagation, Tracing};

/// Where finished spans go.
pub(super) struct Sink {
    pub queue: mpsc::Sender<Arc<Record>>,
    pub loss: Loss,
}

/// Traces the requests of one service.
pub struct Tracer {
    pub(super) service: Arc<str>,
    pub(super) propagation: Propagation,
    sample_rate: f64,
    log: bool,
    sinks: Vec<Sink>,
}

impl Tracer {
    pub(super) fn new(service: &str, tracing: &Tracing, sinks: Vec<Sink>) -> Self {
        Self {
            service: service.into(),
            propagation: tracing.propagation,
            sample_rate: tracing.sample_rate.0,
            log: tracing.log,
            sinks,
        }
    }

    /// Begins the span of a request that has come in (contract 5.7.26-27).
    pub fn serve(self: &Arc<Self>, head: &request::Parts, peer: Option<IpAddr>) -> Request {
        let Incoming { parent, sampled, carried } = propagation::extract(&head.headers);
        let (trace, parent) = match parent {
            Some((trace, span)) => (trace, Some(span)),
            None => (TraceId::random(), None),
        };
        let sampled = sampled.unwrap_or_else(|| self.samples(trace));
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

    /// By the trace's number and not by chance, so that every service with the same rate decides alike.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        reason = "a share of the numbers; `as` keeps within the bounds"
    )]
    fn samples(&self, trace: TraceId) -> bool {
        self.sample_rate >= 1.0 || trace.low() < (self.sample_rate * u64::MAX as f64) as u64
    }

    /// Hands a finished span on; never waits.
    pub(super) fn finish(&self, record: Record) {
        if self.log {
            super::log::write(&record);
        }
        let Some((last, others)) = self.sinks.split_last() else { return };
        let record = Arc::new(record);
        for Sink { queue, loss } in others.iter().chain([last]) {
            match queue.try_send(Arc::clone(&record)) {
                Ok(()) => {}
                Err(TrySendError::Full(_)) => loss.queue_full.inc(),
                Err(TrySendError::Closed(_)) => loss.ended.inc(),
            }
        }
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Tracer").field("service", &self.service).finish_non_exhaustive()
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
    use chassis_config::{Sources, load};

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

    #[test]
    fn contract_5_7_30_the_rate_is_kept_and_all_services_decide_alike() {
        let rate = |rate: &str| {
            let sources = Sources::default().with_env([("CHASSIS_TRACING__SAMPLE_RATE", rate)]);
            let tracing = load(&sources, Tracing::read).unwrap().config;
            Tracer::new("a", &tracing, Vec::new())
        };
        let (never, some, more, always) = (rate("0"), rate("0.25"), rate("0.5"), rate("1"));
        let traces: Vec<_> = (0..4000).map(|_| TraceId::random()).collect();
        let of = |tracer: &Tracer| traces.iter().filter(|trace| tracer.samples(**trace)).count();
        assert_eq!((of(&never), of(&always)), (0, 4000));
        assert!((800..1200).contains(&of(&some)), "{}", of(&some));
        assert!(traces.iter().all(|trace| !some.samples(*trace) || more.samples(*trace)));
    }
}

//! Distributed traces (contract 5.7).
//!
//! Each request to the service port is a span of kind server: a child of the span that the request names in its
//! headers (W3C, B3, `ot-tracer-*`; see the table below), else the root of a new trace. Work inside of a handler is a
//! [`Span`] of its own; requests by the chassis's HTTP client (`chassis-client`) are spans without further ado, and
//! carry the trace on.
//!
//! | span | name | tags |
//! |---|---|---|
//! | server | [`name`] of the handler, else `GET /users/{id}` | `http.method`, `http.url` (absolute), `http.status_code`, `peer.ipv4`, `component` (the service), `error.kind` and `error.msg` of a refusal or failure |
//! | client | the method, for example `get` | `component` (`http-client`), `http.method`, `http.url` (base), `http.path`, `http.status_code` |
//! | local | as begun | `component` (the service, or what [`Span::component`] says) |
//!
//! Incoming, first that is well-formed: `traceparent`; `b3`; `x-b3-*`; `ot-tracer-traceid`, `-spanid` and `-sampled`,
//! all three. Outgoing: those of `tracing.propagation`, all by default, with `tracestate` and baggage as they came.
//! Baggage (`baggage`, `ot-baggage-*`) beyond 8 KiB is left behind.
//!
//! Finished spans wait in a bounded queue per collector and leave in batches: to Zipkin as JSON, format 1 when
//! `tracing.zipkin_url` ends in `/api/v1/spans` and format 2 else; to an OpenTelemetry collector as OTLP over HTTP
//! (protobuf). While a collector is away they stay in the queue and are tried again, with one warning per outage; what
//! the queue has no room for is counted in `chassis_spans_lost_total{reason="queue_full"}`. The drain sends what is
//! left. With `tracing.log` each span is also a line of the log.
//!
//! Without a collector (`ZIPKIN_SERVER`, `tracing.otlp_url`) and without `tracing.log` no request is looked at and
//! every function here does nothing.
//!
//! ```
//! use chassis_telemetry::trace::{self, Kind, Span};
//!
//! async fn get_users() -> Vec<&'static str> {
//!     trace::name("get_users");
//!     let mut span = Span::begin(Kind::Local, "fetch").component("db-execute");
//!     span.tag("db.sql", "SELECT name FROM users");
//!     // What is begun in here is a part of `fetch`.
//!     span.run(async { vec!["Ada", "Grace"] }).await
//! }
//! ```
//!
//! `cargo run -p chassis --example traced` shows what a collector gets.
//!
//! # Why not the OpenTelemetry SDK
//!
//! Weighed: `opentelemetry_sdk` and `opentelemetry-otlp` 0.33.1, `opentelemetry-zipkin` 0.33.0, `tracing-opentelemetry`
//! 0.34.0.
//!
//! - Its batch processor drops a batch whose export has failed, and the OTLP exporter gives up at its timeout: an outage
//!   of the collector loses spans. What it drops is a line of its own log and no counter. It exports from a thread
//!   without a runtime, where our HTTP client cannot work; the processor for tokio is experimental. The queue and the
//!   worker would stay ours.
//! - Ours would stay as well: the headers (a B3 decision without a trace, `ot-tracer-*`, what goes along as it came),
//!   `tracing.log`, and both Zipkin formats: its exporter has no format 1, and in format 2 no name of the service, a
//!   `parentId` of zeros for a root, and the tags in no order. Only the encoder of OTLP and a part of `span` would go.
//! - Its OTLP has `flags` that ours has not: other bytes. It reads `OTEL_*` variables past the configuration.
//! - The binary gets 580 KB larger.
//! - No crate below a service has spans of `tracing` that `tracing-opentelemetry` would show, unless tokio and hyper are
//!   built with unstable features.

mod export;
mod forced;
mod ids;
mod kind;
mod link;
mod log;
mod loss;
mod propagation;
mod record;
mod serve;
mod span;
mod tracer;

pub use self::{
    export::{Exports, TraceError, Tracing},
    ids::{SpanId, TraceId},
    kind::Kind,
    span::{Request, Span, carry, current, fail, name, refused, tag},
    tracer::Tracer,
};
pub(crate) use self::{record::bounded, span::service};

//! A place in a trace.

use std::sync::Arc;

use http::{HeaderName, HeaderValue};

use super::ids::{SpanId, TraceId};

/// Headers that go along with a trace as they came: `tracestate` and baggage.
pub(super) type Carried = Vec<(HeaderName, HeaderValue)>;

/// The span that something is a part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    pub trace: TraceId,
    pub span: SpanId,
    pub sampled: bool,
    pub carried: Option<Arc<Carried>>,
}

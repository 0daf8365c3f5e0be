//! Zipkin's JSON formats.

use std::sync::Arc;

use serde::{Serialize, ser::SerializeMap};

use super::super::{ids::SpanId, kind::Kind, record::Record};

/// An array of spans as `/api/v1/spans` takes it (contract 5.7.29): identifiers without leading zeros, the tag
/// `component` as the service's name, `sr` and `ss` or `cs` and `cr` for the two ends.
pub(super) fn format_1(spans: &[Arc<Record>]) -> serde_json::Result<Vec<u8>> {
    let spans: Vec<_> = spans.iter().map(|span| Span1::of(span)).collect();
    serde_json::to_vec(&spans)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Span1<'s> {
    trace_id: String,
    name: &'s str,
    id: String,
    parent_id: Option<String>,
    timestamp: u64,
    duration: u64,
    annotations: Vec<Annotation<'s>>,
    binary_annotations: Vec<BinaryAnnotation<'s>>,
}

#[derive(Serialize)]
struct Annotation<'s> {
    endpoint: Endpoint<'s>,
    timestamp: u64,
    value: &'static str,
}

#[derive(Serialize)]
struct BinaryAnnotation<'s> {
    endpoint: Endpoint<'s>,
    key: &'s str,
    value: &'s str,
}

#[derive(Serialize, Clone, Copy)]
#[serde(rename_all = "camelCase")]
struct Endpoint<'s> {
    service_name: &'s str,
}

impl<'s> Span1<'s> {
    fn of(span: &'s Record) -> Self {
        let (begin, end) = (span.begin(), span.begin() + span.duration());
        let endpoint = Endpoint { service_name: &span.component };
        let annotation = |timestamp, value| Annotation { endpoint, timestamp, value };
        Self {
            trace_id: span.trace.short(),
            name: &span.name,
            id: span.span.short(),
            parent_id: span.parent.map(SpanId::short),
            timestamp: begin,
            duration: span.duration(),
            annotations: match span.kind {
                Kind::Server => vec![annotation(begin, "sr"), annotation(end, "ss")],
                Kind::Client => vec![annotation(begin, "cs"), annotation(end, "cr")],
                Kind::Local => Vec::new(),
            },
            binary_annotations: tags(span)
                .map(|(key, value)| BinaryAnnotation { endpoint, key, value })
                .collect(),
        }
    }
}

/// An array of spans as `/api/v2/spans` takes it.
pub(super) fn format_2(spans: &[Arc<Record>], service: &str) -> serde_json::Result<Vec<u8>> {
    let spans: Vec<_> = spans.iter().map(|span| Span2::of(span, service)).collect();
    serde_json::to_vec(&spans)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Span2<'s> {
    trace_id: String,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    name: &'s str,
    timestamp: u64,
    duration: u64,
    local_endpoint: Endpoint<'s>,
    tags: Tags<'s>,
}

impl<'s> Span2<'s> {
    fn of(span: &'s Record, service: &'s str) -> Self {
        Self {
            trace_id: span.trace.padded(),
            id: span.span.to_string(),
            parent_id: span.parent.map(|parent| parent.to_string()),
            kind: match span.kind {
                Kind::Server => Some("SERVER"),
                Kind::Client => Some("CLIENT"),
                Kind::Local => None,
            },
            name: &span.name,
            timestamp: span.begin(),
            duration: span.duration(),
            local_endpoint: Endpoint { service_name: service },
            tags: Tags(span),
        }
    }
}

struct Tags<'s>(&'s Record);

impl Serialize for Tags<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in tags(self.0) {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// With `error`, by which Zipkin knows a failure.
fn tags(span: &Record) -> impl Iterator<Item = (&str, &str)> {
    let own = span.tags.iter().map(|(key, value)| (&**key, value.as_str()));
    own.chain([("component", &*span.component)]).chain(span.failure.as_deref().map(|text| ("error", text)))
}

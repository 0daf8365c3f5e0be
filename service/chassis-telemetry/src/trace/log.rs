//! Spans in the log, for collectors that read logs (contract 5.7.29).

use super::{ids::SpanId, kind::Kind, record::Record};

/// One line with the message `<component> span` and the span's parts as fields.
pub(super) fn write(record: &Record) {
    let Record { trace, span, parent, name, kind, component, tags, .. } = record;
    let kind = match kind {
        Kind::Server => "server",
        Kind::Client => "client",
        Kind::Local => "local",
    };
    let parent_id = parent.map(SpanId::short);
    let tags: serde_json::Map<_, _> =
        tags.iter().map(|(key, value)| (key.to_string(), value.clone().into())).collect();
    tracing::info!(
        target: "trace",
        trace_id = trace.short(),
        span_id = span.short(),
        parent_id,
        name = &**name,
        kind,
        timestamp_us = record.begin(),
        duration_us = record.duration(),
        tags = %serde_json::Value::Object(tags),
        "{component} span"
    );
}

//! OpenTelemetry's `ExportTraceServiceRequest` as protobuf. Few of its fields are needed, and their numbers never
//! change, so they are written here instead of taking in a code generator and its run-time.

use std::sync::Arc;

use super::super::{kind::Kind, record::Record};
use crate::config::Identity;

/// Writes protobuf: each field is its number and wire type, then the value.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.0.push(value.to_le_bytes()[0]);
    }

    fn number(mut self, field: u64, value: u64) -> Self {
        self.varint(field << 3);
        self.varint(value);
        self
    }

    fn fixed64(mut self, field: u64, value: u64) -> Self {
        self.varint(field << 3 | 1);
        self.0.extend(value.to_le_bytes());
        self
    }

    fn bytes(mut self, field: u64, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        self.varint(field << 3 | 2);
        self.varint(u64::try_from(value.len()).unwrap_or(u64::MAX));
        self.0.extend_from_slice(value);
        self
    }

    fn message(self, field: u64, value: &Self) -> Self {
        self.bytes(field, &value.0)
    }

    /// A `KeyValue` of text.
    fn attribute(self, field: u64, key: &str, value: &str) -> Self {
        let any_value = Self::default().bytes(1, value);
        self.message(field, &Self::default().bytes(1, key).message(2, &any_value))
    }
}

/// The spans of one service.
pub(super) fn request(spans: &[Arc<Record>], identity: &Identity) -> Vec<u8> {
    let resource = Message::default().attribute(1, "service.name", &identity.name).attribute(
        1,
        "service.version",
        &identity.version,
    );
    let library = Message::default().bytes(1, "chassis").bytes(2, env!("CARGO_PKG_VERSION"));
    let scope_spans = spans.iter().fold(Message::default().message(1, &library), |scope_spans, span| {
        scope_spans.message(2, &span_of(span))
    });
    let resource_spans = Message::default().message(1, &resource).message(2, &scope_spans);
    Message::default().message(1, &resource_spans).0
}

fn span_of(span: &Record) -> Message {
    let kind = match span.kind {
        Kind::Local => 1,
        Kind::Server => 2,
        Kind::Client => 3,
    };
    let nanos = |micros: u64| micros.saturating_mul(1000);
    let mut message = Message::default().bytes(1, span.trace.bytes()).bytes(2, span.span.bytes());
    if let Some(parent) = span.parent {
        message = message.bytes(4, parent.bytes());
    }
    message = message
        .bytes(5, &*span.name)
        .number(6, kind)
        .fixed64(7, nanos(span.begin()))
        .fixed64(8, nanos(span.begin() + span.duration()))
        .attribute(9, "component", &span.component);
    for (key, value) in &span.tags {
        message = message.attribute(9, key, value);
    }
    match &span.failure {
        // Its code 2 is "error".
        Some(text) => message.message(15, &Message::default().bytes(2, text).number(3, 2)),
        None => message,
    }
}

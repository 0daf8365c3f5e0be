//! Lines that are JSON objects. Fields of the event come first, so that none of them hides a member of ours.

use std::fmt::{self, Write};

use serde_json::{Map, Value, json};

use super::record::Record;
use crate::trace;

/// Contract 2.3.12.
pub(super) fn dev(record: &Record, line: &mut String) -> fmt::Result {
    let own = json!({
        "datetime": datetime(record),
        "fileName": record.file,
        "levelName": record.level,
        "message": record.message,
        "operationId": record.operation_id(),
    });
    write(record.fields.iter().cloned(), own, line)
}

/// Contract 2.3.13: every value is a text.
pub(super) fn prod(record: &Record, line: &mut String) -> fmt::Result {
    let micros = record.time.as_microsecond();
    let own = json!({
        "datetime": datetime(record),
        "fileName": record.file,
        "logRecordCreationTime": format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000),
        "functionName": record.module,
        "levelNo": record.level_number.to_string(),
        "lineNo": record.line.to_string(),
        "time": record.time.strftime("%3f").to_string(),
        "levelName": record.level,
        "message": record.message,
        "operationId": record.operation_id(),
    });
    let texts = record.fields.iter().map(|(name, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (*name, Value::String(text))
    });
    write(texts, own, line)
}

/// Contract 5.8.31.
pub(super) fn es(record: &Record, hostname: &str, index: &str, line: &mut String) -> fmt::Result {
    let own = json!({
        "@timestamp": record.time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
        "@version": 1,
        "hostname": hostname,
        "index": index,
        "document_type": record.logger,
        "level": record.level,
        "message": record.message,
        "operation_id": record.operation_id(),
    });
    write(record.fields.iter().cloned(), own, line)
}

/// What JSON does not ask for, and its readers take: all of the basic plane.
pub(super) fn escape(c: char, line: &mut String) -> fmt::Result {
    write!(line, "\\u{:04x}", u32::from(c))
}

fn datetime(record: &Record) -> String {
    record.time.strftime("%Y-%m-%d %H:%M:%S,%3f").to_string()
}

fn write(fields: impl Iterator<Item = (&'static str, Value)>, own: Value, line: &mut String) -> fmt::Result {
    let mut members: Map<String, Value> = fields.map(|(name, value)| (name.to_owned(), value)).collect();
    // A line about a span names that one itself.
    if let Some((trace, span)) = trace::current().filter(|_| !members.contains_key("trace_id")) {
        members.insert("trace_id".to_owned(), trace.to_string().into());
        members.insert("span_id".to_owned(), span.to_string().into());
    }
    if let Value::Object(own) = own {
        members.extend(own);
    }
    fmt::write(line, format_args!("{}", Value::Object(members)))
}

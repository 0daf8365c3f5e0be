//! One JSON object per line: `timestamp`, `level`, `operation_id`, `logger`, `message`, and the event's fields.

use std::fmt;

use serde_json::{Map, Value};
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use super::record::Record;

pub(super) struct Json;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let Record { time, level, operation_id, logger, message, fields } = Record::of(event);
        let mut line: Map<String, Value> =
            fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let time = time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
        let own = [
            ("timestamp", time),
            ("level", level.to_owned()),
            ("operation_id", operation_id),
            ("logger", logger.to_owned()),
            ("message", message),
        ];
        line.extend(own.into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))));
        writeln!(out, "{}", Value::Object(line))
    }
}

//! `<YYYY-MM-DD HH:MM:SS,mmm> [<LEVEL>][<operation_id>] <logger>: <message>` (contract 4.2.6), then the fields.

use std::fmt;

use tracing::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use super::record::Record;

pub(super) struct Text;

impl<S, N> FormatEvent<S, N> for Text
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let Record { time, level, operation_id, logger, message, fields } = Record::of(event);
        let time = time.strftime("%Y-%m-%d %H:%M:%S,%3f");
        write!(out, "{time} [{level}][{operation_id}] {logger}: {message}")?;
        for (name, value) in fields {
            write!(out, " {name}={value}")?;
        }
        writeln!(out)
    }
}

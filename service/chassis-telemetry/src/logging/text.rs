//! Lines for people.

use std::{
    fmt::{self, Write},
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use super::record::Record;

thread_local! {
    static THREAD: u64 = {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        NEXT.fetch_add(1, Ordering::Relaxed)
    };
}

/// `<YYYY-MM-DD HH:MM:SS,mmm> [<LEVEL>][<operation_id>] <app>: <message>` (contract 4.2.6), then the fields.
pub(super) fn cst(record: &Record, app: &str, line: &mut String) -> fmt::Result {
    let Record { time, level, message, .. } = record;
    let (time, id) = (time.strftime("%Y-%m-%d %H:%M:%S,%3f"), record.operation_id());
    write!(line, "{time} [{level}][{id}] {app}: {message}")?;
    fields(record, line)
}

/// `<time>-[<thread>][<its number>]-<file>-<logger>-<module>-<LEVEL>-<line>: <message>` (contract 1.5.29), then the
/// fields and the operation id.
pub(super) fn pymicro(record: &Record, line: &mut String) -> fmt::Result {
    let Record { time, level, logger, module, file, line: number, message, .. } = record;
    let time = time.strftime("%Y-%m-%d %H:%M:%S,%3f");
    let thread = thread::current();
    let (name, id) = (thread.name().unwrap_or("unnamed"), THREAD.with(|id| *id));
    write!(line, "{time}-[{name}][{id:x}]-{file}-{logger}-{module}-{level}-{number}: {message}")?;
    fields(record, line)?;
    write!(line, " operation_id=\"{}\"", record.operation_id())
}

/// `<LEVEL> - <message>` (contract 2.3.11), then the fields and the operation id, if there is one.
pub(super) fn brief(record: &Record, line: &mut String) -> fmt::Result {
    write!(line, "{} - {}", record.level, record.message)?;
    fields(record, line)?;
    record.operation_id.map_or(Ok(()), |id| write!(line, " operation_id=\"{id}\""))
}

pub(super) fn escape(c: char, line: &mut String) -> fmt::Result {
    write!(line, "{}", c.escape_default())
}

fn fields(record: &Record, line: &mut String) -> fmt::Result {
    record.fields.iter().try_for_each(|(name, value)| write!(line, " {name}={value}"))
}

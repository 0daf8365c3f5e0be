//! How points in time are written.

use jiff::Timestamp;
use serde::Serializer;

/// `2026-01-31T12:00:00.000000Z`: always as many digits, so that texts sort as times do.
pub(crate) fn with_microseconds<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ"))
}

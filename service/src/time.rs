//! How points in time are written.

use jiff::Timestamp;
use serde::Serializer;

/// As Python's `isoformat()` writes what `utcnow()` says: `2026-01-31T12:00:00.000001`, without a fraction that is zero.
pub(crate) fn isoformat<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    let format =
        if time.subsec_nanosecond() / 1000 == 0 { "%Y-%m-%dT%H:%M:%S" } else { "%Y-%m-%dT%H:%M:%S.%6f" };
    serializer.collect_str(&time.strftime(format))
}

/// `2026-01-31T12:00:00.000000Z`: always as many digits, so that texts sort as times do.
pub(crate) fn with_microseconds<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ"))
}

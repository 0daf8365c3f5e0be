use std::{env, path::PathBuf, time::Duration};

use crate::change::Change;

/// How much is done.
pub struct Plan {
    /// In this order.
    pub changes: &'static [Change],
    /// Each there and back again, or on every pod, instead of once.
    pub thorough: bool,
    /// Requests per second of each stream with kept connections; half as many with new ones.
    pub rate: u32,
    /// The load of a change lasts at least so long.
    pub seconds: u64,
    /// Requests without failure in all.
    pub least: u64,
    /// The whole test.
    pub limit: Duration,
    /// Where the table is written; none: no controls either.
    pub table: Option<PathBuf>,
}

impl Plan {
    pub fn from_env() -> Self {
        match env::var("E2E_TRAFFIC_TABLE").ok().filter(|path| !path.is_empty()) {
            None => Self {
                changes: &Change::DELICATE,
                thorough: false,
                rate: 230,
                seconds: 15,
                least: 100_000,
                limit: Duration::from_mins(8),
                table: None,
            },
            Some(path) => Self {
                changes: &Change::ALL,
                thorough: true,
                rate: 320,
                seconds: 50,
                least: 1_000_000,
                limit: Duration::from_mins(25),
                table: Some(path.into()),
            },
        }
    }

    /// Requests per second of all streams: twice GET and POST, kept and new.
    pub fn rate(&self) -> u32 {
        4 * (self.rate + self.rate / 2)
    }
}

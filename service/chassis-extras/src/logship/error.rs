//! Why lines are not shipped.

use std::{io, path::PathBuf};

use prometheus::Error;

/// Why lines cannot be shipped.
#[derive(Debug, thiserror::Error)]
pub enum LogShipError {
    /// A metric of this name exists.
    #[error("the metrics of log shipping cannot be made")]
    Metrics(#[from] Error),
    /// There is no URL, or no file.
    #[error("log lines cannot be shipped; write logship.endpoint and logship.file")]
    NotConfigured,
    /// The disk does not take them, or another process is writing the file.
    #[error("logship.file: what waits to be shipped cannot be kept in {}", .file.display())]
    Spool {
        /// `logship.file`
        file: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// The endpoint has not taken all of them.
    #[error("{kept} files with log lines wait, {shipped} lines are shipped: {reason}")]
    Kept {
        /// Files.
        kept: usize,
        /// Lines.
        shipped: u64,
        /// What happened.
        reason: String,
    },
}

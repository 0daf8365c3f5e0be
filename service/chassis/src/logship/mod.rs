//! Log lines are sent in bulk to a service that keeps them, such as Loggly (contract 2.3.16). Off by default.
//!
//! ```text
//! a line is logged -> queue -> thread -> ship.log -> closed: ship.log.1, ... -> POST -> removed
//! ```
//!
//! Whoever logs never waits: what the queue has no room for is dropped and counted. What is on the disk is sent at least
//! once: a file is closed by a rename when it has as much as one request may have, and at each interval; it is removed
//! when the endpoint has answered 2xx, and kept otherwise. What a process could not send, the next one does. There is a
//! bound for the disk, past which the oldest lines are dropped and counted (`chassis_log_lines_dropped_total`).
//!
//! ```no_run
//! use chassis::{App, Config, config::{Sources, load}, logging, logship::LogShip};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let env = [
//!     ("CHASSIS_LOGSHIP__ENABLED", "true"),
//!     ("CHASSIS_LOGSHIP__ENDPOINT_FILE", "/run/secrets/loggly"),
//!     ("CHASSIS_LOGSHIP__FILE", "/var/spool/service/ship.log"),
//! ];
//! let config = load(&Sources::default().with_env(env), Config::read)?.config;
//! let app = App::new()?;
//! let ship = LogShip::open(&config.logship, app.metrics())?;
//! let _log = logging::init_shipped(&config.logging, app.metrics(), ship.as_ref())?;
//! let shipping = ship.map(LogShip::start);
//! tracing::info!("this will be sent within a minute");
//! if let Some(shipping) = shipping {
//!     shipping.end().await;
//! }
//! # Ok(())
//! # }
//! ```

mod batch;
mod counts;
mod shipper;
mod spool;
mod writer;

use std::{io, path::PathBuf};

use prometheus::Error;
use tokio::{sync::oneshot, task::JoinHandle};

pub(crate) use self::writer::Lines;
use self::{counts::Counts, shipper::Shipper, spool::Spool};
use crate::{
    config::{self, LogFormat},
    metrics::Metrics,
};

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
    #[error("what waits to be shipped cannot be kept in {}", .file.display())]
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

/// Lines that are logged from now on are kept to be shipped.
#[derive(Debug)]
pub struct LogShip {
    lines: Lines,
    shipper: Shipper,
}

impl LogShip {
    /// Opens the spool; `None` when `logship.enabled` is false. What an earlier process has left is in it.
    pub fn open(config: &config::LogShip, metrics: &Metrics) -> Result<Option<Self>, LogShipError> {
        if !config.enabled {
            return Ok(None);
        }
        let counts = Counts::registered(metrics.registry())?;
        let shipper = Shipper::new(config, counts.clone())?;
        let failed = |source| LogShipError::Spool { file: shipper.file().to_owned(), source };
        let spool = Spool::open(shipper.file(), config.max_batch.0, config.max_spool.0, counts.clone());
        let spool = spool.map_err(failed)?;
        let lines = Lines::into_spool(spool, config.max_line.0, counts).map_err(failed)?;
        Ok(Some(Self { lines, shipper }))
    }

    /// Begins to send. Has to be called inside a tokio runtime.
    pub fn start(self) -> Shipping {
        let (end, ended) = oneshot::channel();
        Shipping { end, task: tokio::spawn(self.shipper.run(self.lines, ended)) }
    }

    pub(crate) fn format(&self) -> LogFormat {
        self.shipper.format()
    }

    pub(crate) fn lines(&self) -> Lines {
        self.lines.clone()
    }
}

/// Sends, until it is ended.
#[derive(Debug)]
pub struct Shipping {
    end: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Shipping {
    /// Sends what is left, for at most `logship.shutdown_timeout`. The rest waits for the next process.
    pub async fn end(self) {
        _ = self.end.send(());
        _ = self.task.await;
    }
}

/// Sends what waits, once, whether shipping is on or not; says how many lines those were. What a running process is
/// writing is left to that process.
pub async fn ship(config: &config::LogShip) -> Result<u64, LogShipError> {
    let counts = Counts::unseen()?;
    let shipper = Shipper::new(config, counts.clone())?;
    let file = shipper.file();
    match Spool::open(file, config.max_batch.0, config.max_spool.0, counts) {
        // Now closed, as nobody writes it.
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {}
        Err(source) => return Err(LogShipError::Spool { file: file.to_owned(), source }),
    }
    shipper.once().await
}

//! What ships.

use std::io;

use chassis_config::writable;
use chassis_telemetry::{logging::LineSink, metrics::Metrics};
use tokio::{sync::oneshot, task::JoinHandle};

use super::{LogShipError, config, counts::Counts, shipper::Shipper, spool::Spool, writer::Lines};

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

    /// Whether the file could be kept; leaves nothing behind.
    pub fn check(config: &config::LogShip) -> Result<(), LogShipError> {
        let file = config.file.clone().filter(|_| config.enabled);
        let failed = |file, source| LogShipError::Spool { file, source };
        file.map_or(Ok(()), |file| writable(&file).map_err(|source| failed(file, source)))
    }

    /// Begins to send. Has to be called inside a tokio runtime.
    pub fn start(self) -> Shipping {
        let (end, ended) = oneshot::channel();
        Shipping { end, task: tokio::spawn(self.shipper.run(self.lines, ended)) }
    }

    /// Where lines go in; for [`logging::init_with`](chassis_telemetry::logging::init_with).
    pub fn sink(&self) -> LineSink {
        let lines = self.lines.clone();
        LineSink { format: self.shipper.format(), write: Box::new(move |line| lines.push(line)) }
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

//! Log lines are sent in bulk to a service that keeps them, such as Loggly (contract 2.3.16). Off by default.
//!
//! ```text
//! a line is logged -> queue -> thread -> ship.log -> closed: ship.log.1, ... -> POST -> removed
//! ```
//!
//! Whoever logs never waits: what the queue has no room for is dropped and counted. What is on the disk is sent at least
//! once: a file is closed by a rename when it has as much as one request may have, and at each interval; it is removed
//! when the endpoint has answered 2xx, and kept otherwise. What a process could not send, the next one does. There is a
//! bound for the disk, past which the oldest lines are dropped and counted (`chassis_log_lines_dropped_total`). A line that
//! the endpoint refuses for good (400, 413, 415, 422) is counted there too and kept in `<file>.refused`, up to
//! `logship.max_batch` bytes in all, for a person to look at; an endpoint that refuses every line is taken for one that
//! is set up wrong, and they wait.
//!
//! ```no_run
//! use chassis_config::{Reader, Sources, load};
//! use chassis_extras::logship::{self, LogShip};
//! use chassis_telemetry::{config::{Identity, Logging}, logging, metrics::Metrics};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let env = [
//!     ("CHASSIS_LOGSHIP__ENABLED", "true"),
//!     ("CHASSIS_LOGSHIP__ENDPOINT_FILE", "/run/secrets/loggly"),
//!     ("CHASSIS_LOGSHIP__FILE", "/var/spool/service/ship.log"),
//! ];
//! let read = |reader: &mut Reader| {
//!     let identity = Identity::read(reader);
//!     let logging = Logging::read(reader, &identity);
//!     (logship::config::LogShip::read(reader, &logging), logging)
//! };
//! let (config, logging) = load(&Sources::default().with_env(env), read)?.config;
//! let metrics = Metrics::new()?;
//! let ship = LogShip::open(&config, &metrics)?;
//! let _log = logging::init_with(&logging, &metrics, ship.as_ref().map(LogShip::sink))?;
//! let shipping = ship.map(LogShip::start);
//! tracing::info!("this will be sent within a minute");
//! if let Some(shipping) = shipping {
//!     shipping.end().await;
//! }
//! # Ok(())
//! # }
//! ```

mod batch;
pub mod config;
mod counts;
mod error;
mod refused;
mod ship;
mod shipper;
mod spool;
mod writer;

pub use self::{
    error::LogShipError,
    ship::{LogShip, Shipping, ship},
};

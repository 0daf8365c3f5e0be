//! Two listeners, worker slots between the service port and the handlers, live resizing, and an orderly end.
//!
//! ```text
//! service port -> listener -> connection -> front -+-> /status, /metrics, docs, 404, 405
//!                                                  +-> limits (whole body) -> queue -> slot -> handler
//! admin port   -> listener -> connection -> front -> probes, /metrics, /workers
//! ```

mod admin;
mod assembled;
mod budget;
mod connection;
pub(crate) mod descriptors;
mod error;
mod front;
mod in_process;
mod limits;
mod listener;
mod listeners;
mod metrics;
mod phase;
mod queue;
pub mod reload;
mod roster;
mod scopes;
mod shutdown;
mod workers;

pub use chassis_telemetry::statsd::Snapshot;

pub use self::{
    error::ServerError,
    front::Front,
    in_process::InProcess,
    listeners::Server,
    shutdown::{Outcome, Shutdown},
    workers::{Size, Workers},
};

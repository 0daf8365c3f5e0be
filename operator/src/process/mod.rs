//! The process around the controller: what it shows of itself, and which of several works.

pub mod admin;
pub mod backoff;
pub mod leader;
pub mod metrics;
pub mod pulse;
pub mod readiness;
pub mod refusal;
pub mod requests;
pub(crate) mod shutdown;
pub mod telemetry;

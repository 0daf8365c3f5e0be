//! Drives the steps: which Microservice is reconciled when, in what order, and what a failure leads to.

mod context;
mod memory;
mod reconcile;
mod run;
pub mod unreadable;

pub use context::Context;
pub use reconcile::{on_error, reconcile};
pub use run::run;

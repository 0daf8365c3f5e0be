//! Pure decisions: what is applied, and why.

pub mod additions;
pub mod adoption;
mod applied;
pub mod configuration;
pub mod disruption;
pub mod drift;
pub mod references;
pub mod replicas;
pub mod resize;
mod resources;
pub mod revision;
mod validate;

pub use applied::{Applied, Change, WriteCause};
pub use resources::of_workers;
pub use validate::{Rejection, validate};

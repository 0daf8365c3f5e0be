//! Pure decisions: what is applied, and why.

mod applied;
mod disruption;
pub mod drift;
pub mod references;
mod replicas;
pub mod resize;
mod resources;
pub mod revision;
mod validate;

pub use applied::{Applied, Change, WriteCause};
pub use resources::of_workers;
pub use validate::{Rejection, validate};

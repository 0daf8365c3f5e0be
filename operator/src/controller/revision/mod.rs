//! Which rendering of which spec is in force.
//!
//! A ControllerRevision keeps a spec together with the pod template and the configuration that were
//! made of it. So another operator can leave pods alone that it would make otherwise, and a rollout
//! that fails can be taken back. Two are kept: the last, and the last that became ready.

mod course;
mod difference;
mod history;
mod plan;
pub mod record;

pub use course::{Course, ended, last_rollout, rollout};
pub use history::History;
pub use plan::{Plan, in_force, plan};
pub use record::settle;

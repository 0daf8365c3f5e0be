//! Which rendering of which spec is in force.
//!
//! A ControllerRevision keeps a spec together with the pod template and the configuration that were
//! made of it. So another operator can leave pods alone that it would make otherwise, and a rollout
//! that fails can be taken back. Two are kept: the last, and the last that became ready.
//!
//! Nothing here reads a record: who is missing one says which ([`Unread`]).

mod decision;
mod difference;
mod effective;
mod record;
mod records;
mod render;
mod rollout;

pub use decision::{RolledBack, RolloutDecision};
pub use effective::{EffectiveSpec, effective_spec};
pub use record::{New, Record, Rendering};
pub use records::{Records, Unread};
pub use render::{Plan, plan};
pub use rollout::{ended, last_rollout, rollout_note};

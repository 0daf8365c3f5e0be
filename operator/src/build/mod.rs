//! Pure: from a valid spec to the objects it becomes. No clock, no cluster, no error.
//!
//! [`Child`] lists the objects, [`Kind`] their kinds; each object has a file of its own.

mod autoscaler;
mod child;
mod config_map;
mod container;
mod deployment;
mod disruption_budget;
mod kind;
pub mod meta;
mod nginx;
mod service;
mod service_account;
mod service_monitor;

use serde_json::Value;
use strum::VariantArray;

pub use child::Child;
pub use container::SERVICE_CONTAINER;
pub use kind::Kind;
pub use service_monitor::{ServiceMonitor, ServiceMonitorSpec};

use crate::controller::validate::Validated;

/// All children that the spec asks for, in the order of [`Child`]. The same input gives the same bytes.
pub fn build(validated: &Validated) -> Vec<(Child, Value)> {
    let wanted = Child::VARIANTS.iter().filter(|child| child.is_wanted(&validated.spec));
    wanted.map(|child| (*child, child.build(validated))).collect()
}

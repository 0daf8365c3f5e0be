//! Pure: from a valid spec to the objects it becomes. No clock, no cluster, no error.
//!
//! [`Child`] lists the objects, [`Kind`] their kinds; each object has a file of its own.

mod autoscaler;
mod child;
mod config_map;
mod container;
mod deployment;
mod disruption_budget;
mod files;
mod kind;
mod list;
pub mod meta;
mod nginx;
mod pod_template;
mod probe;
mod scheduling;
mod service;
mod service_account;
mod service_monitor;
mod sidecars;
mod strategic_merge;

use serde_json::Value;
use strum::VariantArray;

pub use child::Child;
pub use kind::Kind;
pub use pod_template::overridden;
pub use service_monitor::{ServiceMonitor, ServiceMonitorSpec};
pub(crate) use strategic_merge::{faults, merge};

use crate::controller::validate::Validated;

/// All children that the spec asks for, in the order of [`Child`]. The same input gives the same bytes.
pub fn build(validated: &Validated) -> Vec<(Child, Value)> {
    let wanted = Child::VARIANTS.iter().filter(|child| child.is_wanted(&validated.spec));
    wanted.map(|child| (*child, child.build(validated))).collect()
}

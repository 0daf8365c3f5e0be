//! Watches, and the stores that they fill.

mod definitions;
mod each_event;
mod listing;
mod references;
mod scope;
mod scrapers;
mod store;
mod stores;
mod triggers;
mod versions;
mod watches;

pub use references::References;
pub use scope::{Scope, WatchNamespace, WatchScope};
pub use store::Store;
pub use stores::Stores;
pub use triggers::Triggers;
pub use watches::Watches;

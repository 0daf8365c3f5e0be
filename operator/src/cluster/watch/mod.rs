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
mod watched;
mod watches;

pub use each_event::PAGE_SIZE;
pub use references::References;
pub use scope::{Scope, WatchNamespace, WatchScope};
pub use store::Store;
pub use stores::Stores;
pub use triggers::Triggers;
pub use watches::Watches;

//! Pure: what is said of a Microservice: conditions, problems, events.

mod autoscaler;
mod available;
mod conditions;
mod events;
pub mod inventory;
mod monitored;
mod next;
mod progressing;
mod ready;
mod situation;
mod trouble;
mod verdict;
mod warnings;

pub use events::{Event, EventType, events};
pub use next::{Reconciled, next};
pub use trouble::trouble;

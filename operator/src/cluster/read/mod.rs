//! What the cluster holds of one Microservice, and what its pods answer.

mod complaints;
mod http;
mod observe;
mod reader;
mod resizing;
mod revisions;
mod verify;
mod workers;

pub use observe::{configuration, observe};
pub use reader::Reader;
pub use revisions::{history, record};

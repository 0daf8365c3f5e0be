//! Everything that is changed in the cluster.

mod apply;
mod events;
mod nudge;
mod prune;
mod resize;
mod revisions;
mod status;
mod writer;

pub use apply::{apply, scale_down};
pub use events::publish;
pub use nudge::nudge;
pub use prune::{prune, prune_configuration};
pub use resize::resize;
pub use revisions::{settle, write_revision};
pub use status::write_status;
pub use writer::Writer;

//! What was seen of the cluster, as data.

mod history;
mod live;
mod pods;
mod progress;
mod reference;
mod scrapers;
mod snapshot;
mod stuck;
mod verification;
mod workers;

pub use history::{History, Outcome, Revision, RolloutCause};
pub use live::{Entry, Live};
pub use pods::{has_ended, is_ready, not_ready_since};
pub use progress::Progress;
pub use reference::{Reference, ReferenceKind, Seen};
pub use scrapers::{KindState, Miss, Scraper, ScraperKind, Scrapers};
pub use snapshot::Observed;
pub use stuck::{Complaint, Stuck, Waiting};
pub use verification::Verification;
pub use workers::{Answer, Workers};

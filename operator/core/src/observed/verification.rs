use std::time::Instant;

/// What became of a request through the Service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Verification {
    /// There is no ready pod to answer it.
    #[default]
    Untried,
    /// It was answered.
    Answered,
    /// It was not, and why.
    Failed {
        /// In words that stay the same while the cause does.
        words: String,
        /// When it is sent again.
        again: Instant,
    },
}

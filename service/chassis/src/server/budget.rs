//! What the bodies of all requests in hand may take together.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Bytes that are left. A number and no queue: who finds too few is refused at once, for a wait would hold what it has
/// already, and so would all the others.
#[derive(Debug)]
pub(super) struct Budget(AtomicUsize);

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        Self(AtomicUsize::new(bytes))
    }

    /// A share for one body, of nothing yet.
    pub(super) fn share(&self) -> Share<'_> {
        Share { budget: self, taken: 0 }
    }
}

/// What one body has taken; given back when dropped.
#[derive(Debug)]
pub(super) struct Share<'b> {
    budget: &'b Budget,
    taken: usize,
}

impl Share<'_> {
    /// Takes so many more, unless there are too few.
    #[must_use]
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        let taken = self.budget.0.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(bytes)).is_ok();
        self.taken += if taken { bytes } else { 0 };
        taken
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        if self.taken > 0 {
            self.budget.0.fetch_add(self.taken, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_comes_back_and_there_is_never_more() {
        let budget = Budget::new(10);
        let (mut first, mut second) = (budget.share(), budget.share());
        assert!(first.take(4) && first.take(4) && second.take(2));
        assert!(!second.take(1) && !first.take(usize::MAX));
        drop(first);
        assert!(second.take(8) && !second.take(1));
        drop(second);
        assert!(budget.share().take(10));
    }
}

//! How many retries are good for anybody.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// A fifth of the calls may be retries, and a few more after a quiet time. Counts in fifths of a retry.
#[derive(Debug)]
pub(super) struct Budget(AtomicU32);

const RETRY: u32 = 5;
const MOST: u32 = 20 * RETRY;

impl Default for Budget {
    fn default() -> Self {
        Self(AtomicU32::new(MOST))
    }
}

impl Budget {
    /// A call pays in.
    pub(super) fn call(&self) {
        _ = self.0.fetch_update(Relaxed, Relaxed, |left| (left < MOST).then(|| left + 1));
    }

    /// Whether there is enough for a retry, which is then paid.
    pub(super) fn retry(&self) -> bool {
        self.0.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(RETRY)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_everything_fails_one_call_in_five_is_tried_again() {
        let budget = Budget::default();
        assert_eq!((0..100).filter(|_| budget.retry()).count(), 20);
        let retried = (0..100).filter(|_| {
            budget.call();
            budget.retry()
        });
        assert_eq!(retried.count(), 20);
    }
}

//! A bound on what strangers can have recorded.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Instant,
};

use crate::metrics::Counter;

/// How many requests a second are recorded only because they say so.
pub(super) struct Forced {
    per_second: u64,
    began: Instant,
    /// The second since `began` in the upper half, and how many there were in it.
    window: AtomicU64,
    refused: Counter,
}

impl Forced {
    pub(super) fn new(per_second: usize, refused: Counter) -> Self {
        let per_second = u64::try_from(per_second).unwrap_or(u64::MAX).min(u64::from(u32::MAX));
        Self { per_second, began: Instant::now(), window: AtomicU64::new(0), refused }
    }

    /// Whether one more is recorded.
    pub(super) fn take(&self) -> bool {
        let taken = self.take_at(self.began.elapsed().as_secs());
        if !taken {
            self.refused.inc();
        }
        taken
    }

    fn take_at(&self, second: u64) -> bool {
        let one_more = |window: u64| {
            let taken = if window >> 32 == second { window & u64::from(u32::MAX) } else { 0 };
            (taken < self.per_second).then_some(second << 32 | (taken + 1))
        };
        self.window.fetch_update(Relaxed, Relaxed, one_more).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;

    #[test]
    fn each_second_has_its_number_and_no_more() {
        let refused = Metrics::new().unwrap().counter("refused_total", "Refused").unwrap();
        let forced = Forced::new(3, refused);
        for second in [0, 1, 5] {
            assert_eq!([second; 5].map(|second| forced.take_at(second)), [true, true, true, false, false]);
        }
    }
}

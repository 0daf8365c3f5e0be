//! Waiting times after failures.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use operator_core::api::MicroserviceRef;

/// Waiting times after failures, by Microservice: twice as long each time, with jitter, up to
/// five minutes; forgotten with success and with the object.
#[derive(Debug, Default)]
pub struct Backoffs(Mutex<HashMap<MicroserviceRef, (u32, ExponentialBackoff)>>);

impl Backoffs {
    /// How long to wait after one more failure.
    pub fn next(&self, name: &MicroserviceRef) -> Duration {
        let longest = Duration::from_mins(5);
        let mut all = self.all();
        let (failures, waits) = all.entry(name.clone()).or_insert_with(|| {
            let waits = ExponentialBuilder::new()
                .with_min_delay(Duration::from_millis(500))
                .with_max_delay(longest)
                .with_jitter()
                .without_max_times()
                .build();
            (0, waits)
        });
        *failures += 1;
        waits.next().unwrap_or(longest)
    }

    /// Failures since it was last well.
    pub fn failures(&self, name: &MicroserviceRef) -> u32 {
        self.all().get(name).map_or(0, |(failures, _)| *failures)
    }

    /// The object is well, or gone.
    pub fn forget(&self, name: &MicroserviceRef) {
        self.all().remove(name);
    }

    /// How many are waiting.
    pub fn count(&self) -> usize {
        self.all().len()
    }

    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<MicroserviceRef, (u32, ExponentialBackoff)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Backoffs, MicroserviceRef};
    use std::time::Duration;

    #[test]
    fn waits_grow_to_a_limit_and_start_anew_after_success() {
        let (backoffs, name) = (Backoffs::default(), MicroserviceRef::new("n", "a"));
        let waits: Vec<_> = (0..20).map(|_| backoffs.next(&name)).collect();
        assert!(waits[0] < Duration::from_secs(2), "{waits:?}");
        assert!(waits[19] >= Duration::from_mins(5), "{waits:?}");
        assert_eq!((backoffs.count(), backoffs.failures(&name)), (1, 20));
        backoffs.forget(&name);
        assert_eq!((backoffs.count(), backoffs.failures(&name)), (0, 0));
        assert!(backoffs.next(&name) < Duration::from_secs(2));
    }
}

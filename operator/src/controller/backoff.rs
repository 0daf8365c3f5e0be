use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

/// Waiting times after failures, by the object's uid: twice as long each time, with jitter, up to
/// five minutes; forgotten with success and with the object.
#[derive(Debug, Default)]
pub struct Backoffs(Mutex<HashMap<String, ExponentialBackoff>>);

impl Backoffs {
    /// How long to wait after one more failure.
    pub fn next(&self, uid: &str) -> Duration {
        let longest = Duration::from_mins(5);
        self.all()
            .entry(uid.to_owned())
            .or_insert_with(|| {
                ExponentialBuilder::new()
                    .with_min_delay(Duration::from_millis(500))
                    .with_max_delay(longest)
                    .with_jitter()
                    .without_max_times()
                    .build()
            })
            .next()
            .unwrap_or(longest)
    }

    /// The object is well, or gone.
    pub fn forget(&self, uid: &str) {
        self.all().remove(uid);
    }

    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<String, ExponentialBackoff>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Backoffs;
    use std::time::Duration;

    #[test]
    fn waits_grow_to_a_limit_and_start_anew_after_success() {
        let backoffs = Backoffs::default();
        let waits: Vec<_> = (0..20).map(|_| backoffs.next("a")).collect();
        assert!(waits[0] < Duration::from_secs(2), "{waits:?}");
        assert!(waits[19] >= Duration::from_mins(5), "{waits:?}");
        backoffs.forget("a");
        assert!(backoffs.next("a") < Duration::from_secs(2));
    }
}

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use operator_core::api::MicroserviceRef;

use crate::process::{backoff::Backoffs, metrics::Metrics};

/// Pods that lag are looked at again after this long,
const FIRST_LOOK: Duration = Duration::from_millis(500);
/// and after this many looks less and less often, down to once a minute.
const USUAL_LOOKS: u32 = 20;

/// What is remembered from one reconcile to the next.
pub struct Memory {
    /// How often each Microservice failed of late.
    backoffs: Backoffs,
    /// How often each was looked at in vain for pods that take on what is wanted, of which generation.
    lags: Mutex<HashMap<MicroserviceRef, (Option<i64>, u32)>>,
    /// Microservices that can't be read.
    unreadable: Mutex<HashSet<MicroserviceRef>>,
    metrics: Arc<Metrics>,
}

impl Memory {
    /// Nothing yet.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self { backoffs: Backoffs::default(), lags: Mutex::default(), unreadable: Mutex::default(), metrics }
    }

    /// How long to wait after one more failure.
    pub fn back_off(&self, name: &MicroserviceRef) -> Duration {
        let wait = self.backoffs.next(name);
        self.metrics.backs_off(self.backoffs.count());
        wait
    }

    /// How often it failed since it was last well.
    pub fn failures(&self, name: &MicroserviceRef) -> u32 {
        self.backoffs.failures(name)
    }

    /// How long to wait for pods that lag behind this generation, or none if none lags any more: a few
    /// seconds are as usual, what lasts longer has a cause that asking more often does not end.
    pub fn lag(&self, name: &MicroserviceRef, generation: Option<i64>, lags: bool) -> Option<Duration> {
        let mut all = self.lags.lock().unwrap_or_else(PoisonError::into_inner);
        if !lags {
            all.remove(name);
            return None;
        }
        let (of, looks) = all.entry(name.clone()).or_insert((generation, 0));
        *looks = if *of == generation { looks.saturating_add(1) } else { 1 };
        *of = generation;
        Some(FIRST_LOOK.saturating_mul(1 << looks.saturating_sub(USUAL_LOOKS).min(7)))
    }

    /// The next failure is the first again.
    pub fn is_well(&self, name: &MicroserviceRef) {
        self.backoffs.forget(name);
        self.metrics.backs_off(self.backoffs.count());
    }

    /// Whether a Microservice can't be read, for the metric.
    pub fn unreadable(&self, name: &MicroserviceRef, is_unreadable: bool) {
        let mut all = self.unreadable.lock().unwrap_or_else(PoisonError::into_inner);
        if is_unreadable {
            all.insert(name.clone());
        } else {
            all.remove(name);
        }
        self.metrics.unreadable(all.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_that_lag_on_are_looked_at_less_and_less_often() {
        let memory = Memory::new(Arc::new(Metrics::new().unwrap()));
        let name = MicroserviceRef::new("n", "m");
        let waits: Vec<_> = (0..40).filter_map(|_| memory.lag(&name, Some(1), true)).collect();
        assert!(waits.iter().take(20).all(|wait| *wait == FIRST_LOOK), "{waits:?}");
        assert_eq!(waits[39], FIRST_LOOK * 128);
        assert_eq!(memory.lag(&name, Some(2), true), Some(FIRST_LOOK), "another wish");
        assert_eq!(memory.lag(&name, Some(2), false), None);
        assert!(memory.lags.lock().unwrap().is_empty());
    }
}

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use operator_core::api::MicroserviceRef;

use crate::process::{backoff::Backoffs, metrics::Metrics};

/// What is remembered from one reconcile to the next.
pub struct Memory {
    /// How often each Microservice failed of late.
    backoffs: Backoffs,
    /// Microservices that can't be read.
    unreadable: Mutex<HashSet<MicroserviceRef>>,
    metrics: Arc<Metrics>,
}

impl Memory {
    /// Nothing yet.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self { backoffs: Backoffs::default(), unreadable: Mutex::default(), metrics }
    }

    /// How long to wait after one more failure.
    pub fn back_off(&self, name: &MicroserviceRef) -> Duration {
        let wait = self.backoffs.next(name);
        self.metrics.backs_off(self.backoffs.count());
        wait
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

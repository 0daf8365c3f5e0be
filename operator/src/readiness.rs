//! What `/readyz` waits for.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// What has to be there before the operator works; `/readyz` tells what is missing.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Gates>);

#[derive(Debug, Default)]
struct Gates {
    stores: AtomicBool,
    microservices: AtomicBool,
}

impl Readiness {
    /// The children's watches have listed all there is.
    pub fn stores_filled(&self) {
        self.0.stores.store(true, Ordering::Release);
    }

    /// So has the watch of Microservices.
    pub fn microservices_listed(&self) {
        self.0.microservices.store(true, Ordering::Release);
    }

    /// What is not there yet; empty when ready.
    pub fn missing(&self) -> Vec<&'static str> {
        let Gates { stores, microservices } = &*self.0;
        [
            (stores, "the watches of ServiceAccounts, ConfigMaps, Deployments, Services and Pods"),
            (microservices, "the watch of Microservices"),
        ]
        .into_iter()
        .filter(|(gate, _)| !gate.load(Ordering::Acquire))
        .map(|(_, name)| name)
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Readiness;

    #[test]
    fn names_what_is_missing() {
        let readiness = Readiness::default();
        assert_eq!(readiness.missing().len(), 2);
        readiness.clone().stores_filled();
        assert_eq!(readiness.missing(), ["the watch of Microservices"]);
        readiness.microservices_listed();
        assert!(readiness.missing().is_empty());
    }
}

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
    leader: AtomicBool,
    microservices: AtomicBool,
}

impl Readiness {
    /// The children's watches have listed all there is.
    pub fn stores_filled(&self) {
        self.0.stores.store(true, Ordering::Release);
    }

    /// The lease was read, or there is no election.
    pub fn leader_known(&self) {
        self.0.leader.store(true, Ordering::Release);
    }

    /// Has the watch of Microservices listed all? Only a leader watches them: for a standby, say yes.
    pub fn microservices_listed(&self, listed: bool) {
        self.0.microservices.store(listed, Ordering::Release);
    }

    /// What is not there yet; empty when ready.
    pub fn missing(&self) -> Vec<&'static str> {
        let Gates { stores, leader, microservices } = &*self.0;
        [
            (stores, "the watches of ServiceAccounts, ConfigMaps, Deployments, Services and Pods"),
            (leader, "the Lease"),
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
        assert_eq!(readiness.missing().len(), 3);
        readiness.clone().stores_filled();
        assert_eq!(readiness.missing(), ["the Lease", "the watch of Microservices"]);
        readiness.leader_known();
        readiness.microservices_listed(true);
        assert!(readiness.missing().is_empty());
        readiness.microservices_listed(false);
        assert_eq!(readiness.missing(), ["the watch of Microservices"]);
    }
}

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use k8s_openapi::api::core::v1::Pod;
use kube::core::DynamicObject;

use super::{
    live::Live,
    reference::{Reference, Seen},
    scrapers::Scrapers,
    verification::Verification,
    workers::{Answer, Workers},
};
use crate::model::{Child, Kind};

/// All that a reconcile decides by.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Every child that is there.
    pub children: BTreeMap<Child, Live>,
    /// Optional kinds that the cluster does not know.
    pub missing: BTreeSet<Kind>,
    /// Those that may scrape it.
    pub scrapers: Scrapers,
    /// Pods that are not ending.
    pub pods: Vec<Arc<Pod>>,
    /// Can pods be given what `spec.resourcesPerWorker` asks for while they run?
    pub resizable: bool,
    /// What the ready pods say of their workers, by the pods' uid.
    pub workers: BTreeMap<String, Answer>,
    /// What became of a request through the Service.
    pub verification: Verification,
    /// An autoscaler that is not ours and scales the Deployment, for people.
    pub foreign_autoscaler: Option<String>,
    /// The user's Secrets and ConfigMaps that the spec names.
    pub references: Vec<(Reference, Seen)>,
}

impl Observed {
    /// The child as the cluster has it.
    pub fn live(&self, child: Child) -> &Live {
        self.children.get(&child).unwrap_or(&Live::Absent)
    }

    /// The child, if it is ours.
    pub fn ours(&self, child: Child) -> Option<&Arc<DynamicObject>> {
        match self.live(child) {
            Live::Ours(entry) => Some(&entry.object),
            Live::Absent | Live::Foreign { .. } => None,
        }
    }

    /// Does the cluster know the kind?
    pub fn serves(&self, kind: Kind) -> bool {
        !self.missing.contains(&kind)
    }

    /// What the pod said of its workers.
    pub fn answer(&self, pod: &Pod) -> Option<Answer> {
        self.workers.get(pod.metadata.uid.as_ref()?).copied()
    }

    /// Pods that say they run something else than is wanted.
    pub fn lagging(&self, wanted: Workers) -> impl Iterator<Item = &Arc<Pod>> {
        let lags = move |answer| matches!(answer, Answer::Runs(workers) if workers != wanted);
        self.pods.iter().filter(move |pod| self.answer(pod).is_some_and(lags))
    }
}

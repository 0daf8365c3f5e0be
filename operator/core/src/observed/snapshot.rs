use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

use k8s_openapi::{api::core::v1::Pod, apimachinery::pkg::apis::meta::v1::Time};
use kube::core::DynamicObject;

use super::{
    live::Live,
    pods::started,
    reference::{Reference, Seen},
    scrapers::Scrapers,
    stuck::Waiting,
    verification::Verification,
    workers::{Answer, Workers},
};
use crate::model::{Child, Kind, meta::is_ours, ports::PodPorts};

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
    /// Their ports, and those of pods that are ending.
    pub ports: PodPorts,
    /// Can pods be given what `spec.resourcesPerWorker` asks for while they run?
    pub resizable: bool,
    /// What keeps pods from getting ready, where they do not say so themselves.
    pub waiting: Waiting,
    /// What the ready pods say of their workers, by the pods' uid.
    pub workers: BTreeMap<String, Answer>,
    /// When those that gave no answer are asked again.
    pub ask_again: Option<Instant>,
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

    /// The workers of those ready pods of which they are known: a pod says so itself, or its image can't be
    /// asked and has started since the number became what it is.
    pub fn known_workers(&self, wanted: Workers) -> impl Iterator<Item = Workers> {
        self.pods.iter().filter_map(move |pod| self.known(pod, wanted))
    }

    /// Pods that can't be asked and may have started with another number.
    pub fn unknown_workers(&self, wanted: Workers) -> usize {
        let asked = self.pods.iter().filter(|pod| self.answer(pod).is_some());
        asked.filter(|pod| self.known(pod, wanted).is_none()).count()
    }

    fn known(&self, pod: &Pod, wanted: Workers) -> Option<Workers> {
        match self.answer(pod)? {
            Answer::Runs(workers) => Some(workers),
            Answer::Unsupported | Answer::Unreachable => {
                (started(pod)? >= self.numbers_written()?).then_some(wanted)
            }
        }
    }

    /// When we last wrote the numbers that containers start with.
    fn numbers_written(&self) -> Option<Time> {
        let entries = self.ours(Child::ConfigMap)?.metadata.managed_fields.as_deref()?;
        entries.iter().find(|entry| is_ours(entry))?.time.clone()
    }

    /// Pods that say they run something else than is wanted.
    pub fn lagging(&self, wanted: Workers) -> impl Iterator<Item = &Arc<Pod>> {
        let lags = move |answer| matches!(answer, Answer::Runs(workers) if workers != wanted);
        self.pods.iter().filter(move |pod| self.answer(pod).is_some_and(lags))
    }
}

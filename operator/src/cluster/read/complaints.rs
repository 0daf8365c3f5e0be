//! I/O: what the kubelet says of a pod that does not get ready and says nothing itself. One list of one
//! pod's Events, and less and less often: pods that start as they should are never asked about.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use k8s_openapi::api::{core::v1::Pod, events::v1::Event};
use kube::{Api, Client, ResourceExt, api::ListParams};
use operator_core::{
    api::{Microservice, MicroserviceRef},
    observed::{Complaint, Stuck, Waiting, is_ready, not_ready_since},
    status::trouble,
};

/// A pod may take so long to get ready before anybody asks why it does not.
const USUAL: Duration = Duration::from_secs(10);
/// What it says does not change more often, and is read at least so often.
const LONGEST: Duration = Duration::from_mins(5);
/// The Events of a pod that are read at most; there are few, as the same ones are counted.
const MOST: u32 = 50;

/// Reads Events, and remembers the last complaint.
#[derive(Debug, Default)]
pub struct Complaints(Mutex<HashMap<MicroserviceRef, (Option<String>, Waiting)>>);

impl Complaints {
    /// What the first pod waits for that does so for too long, and does not say so itself.
    pub async fn look(&self, client: &Client, microservice: &Microservice, pods: &[Arc<Pod>]) -> Waiting {
        let name = MicroserviceRef::of(microservice);
        let now = Timestamp::now();
        let age = |pod: &Pod| {
            let since = not_ready_since(pod)?;
            Some(Duration::try_from(now.duration_since(since)).unwrap_or_default())
        };
        let waiting = pods.iter().filter(|pod| !is_ready(pod)).filter_map(|pod| Some((age(pod)?, pod)));
        // Those that wait longest know best; by name, so that it is the same one each time.
        let Some((age, pod)) = waiting.max_by_key(|(age, pod)| (*age, pod.name_any())) else {
            self.forget(&name);
            return Waiting::default();
        };
        if trouble(pods).is_some() {
            return Waiting::default();
        }
        let after = |wait: Duration| Instant::now().checked_add(wait);
        if age < USUAL {
            return Waiting { stuck: None, again: after(USUAL.saturating_sub(age)) };
        }
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
        if let Some((uid, waiting)) = known
            && uid == pod.uid()
            && waiting.again > Some(Instant::now())
        {
            return waiting;
        }
        let complaint = complaint(client, pod).await;
        let again = after((age / 2).clamp(USUAL, LONGEST));
        let waiting = Waiting { stuck: Some(Stuck { pod: pod.name_any(), complaint }), again };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(name, (pod.uid(), waiting.clone()));
        waiting
    }

    /// Drops what is known of a Microservice that is well or gone.
    pub fn forget(&self, name: &MicroserviceRef) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

/// The last warning; none also where Events can't be read: they are no more than words.
async fn complaint(client: &Client, pod: &Pod) -> Option<Complaint> {
    let api = Api::<Event>::namespaced(client.clone(), &pod.namespace().unwrap_or_default());
    let of_pod = format!("regarding.uid={},type=Warning", pod.uid().unwrap_or_default());
    let events = api.list(&ListParams::default().fields(&of_pod).limit(MOST)).await;
    let events = events.inspect_err(|error| {
        tracing::warn!(error = error as &dyn std::error::Error, "the Events of a pod can't be read");
    });
    let last = events.ok()?.items.into_iter().max_by_key(last_seen)?;
    Some(Complaint { reason: last.reason.unwrap_or_default(), words: last.note.unwrap_or_default() })
}

fn last_seen(event: &Event) -> Option<Timestamp> {
    let repeated = event.series.as_ref().map(|series| series.last_observed_time.0);
    let old = event.deprecated_last_timestamp.as_ref().map(|time| time.0);
    repeated.or(old).or(event.event_time.as_ref().map(|time| time.0))
}

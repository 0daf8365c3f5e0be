//! Signs of life of the watches. A watch that neither asks nor hears anything is stuck, and the
//! process has to be started anew; one that asks and is refused is not.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// A watch ends by itself after 290 s and is begun anew, and the API server sends a bookmark each
/// minute: one that is well is never silent for so long.
const LIMIT: Duration = Duration::from_mins(7);

/// Of all watches that run.
#[derive(Clone, Debug, Default)]
pub struct Pulses(Arc<Mutex<BTreeMap<String, Pulse>>>);

#[derive(Debug)]
struct Pulse {
    kind: &'static str,
    /// Watches of the same path.
    watches: usize,
    /// When something was last asked, whatever the answer.
    asked: Instant,
    /// When the API server last sent something.
    heard: Instant,
}

/// A running watch; it ends with this.
#[derive(Debug)]
pub struct Watched {
    pulses: Pulses,
    path: String,
}

impl Pulses {
    /// A watch begins; `path` is that of its requests.
    pub fn watch(&self, path: &str, kind: &'static str) -> Watched {
        let now = Instant::now();
        let mut all = self.all();
        let pulse = all.entry(path.to_owned()).or_insert(Pulse { kind, watches: 0, asked: now, heard: now });
        pulse.watches += 1;
        Watched { pulses: self.clone(), path: path.to_owned() }
    }

    /// A request is sent.
    pub fn asked(&self, path: &str) {
        if let Some(pulse) = self.all().get_mut(path) {
            pulse.asked = Instant::now();
        }
    }

    /// The API server sent something.
    pub fn heard(&self, path: &str) {
        if let Some(pulse) = self.all().get_mut(path) {
            pulse.heard = Instant::now();
        }
    }

    /// By kind, for how long its most silent watch heard nothing.
    pub fn ages(&self) -> BTreeMap<&'static str, Duration> {
        let mut ages = BTreeMap::new();
        for pulse in self.all().values() {
            let age = ages.entry(pulse.kind).or_insert(Duration::ZERO);
            *age = pulse.heard.elapsed().max(*age);
        }
        ages
    }

    /// Kinds whose watches are stuck, and for how long.
    pub fn stuck(&self) -> Vec<(&'static str, Duration)> {
        let all = self.all();
        let silences = all.values().map(|pulse| (pulse.kind, pulse.asked.max(pulse.heard).elapsed()));
        silences.filter(|(_, silence)| *silence > LIMIT).collect()
    }

    fn all(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Pulse>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let mut all = self.pulses.all();
        if let Some(pulse) = all.get_mut(&self.path) {
            pulse.watches -= 1;
            if pulse.watches == 0 {
                all.remove(&self.path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    const MINUTE: Duration = Duration::from_mins(1);

    /// peers: stackabletech/trino-operator#936, controller-runtime#3428, kube-rs/kube#717
    #[tokio::test(start_paused = true)]
    async fn a_watch_that_neither_asks_nor_hears_is_stuck() {
        let pulses = Pulses::default();
        let _pods = pulses.watch("/api/v1/pods", "Pod");
        let _services = pulses.watch("/api/v1/services", "Service");
        let _refused = pulses.watch("/api/v1/configmaps", "ConfigMap");
        advance(5 * MINUTE).await;
        pulses.heard("/api/v1/services");
        pulses.asked("/api/v1/configmaps");
        assert!(pulses.stuck().is_empty());
        advance(3 * MINUTE).await;
        let stuck: Vec<_> = pulses.stuck().into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(stuck, ["Pod"], "one that is refused is not stuck");
        assert_eq!(pulses.ages()["ConfigMap"], 8 * MINUTE, "but it hears nothing");
        assert_eq!(pulses.ages()["Service"], 3 * MINUTE);
        pulses.heard("/api/v1/pods");
        assert!(pulses.stuck().is_empty(), "it may recover");
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_ended_is_not_missed() {
        let pulses = Pulses::default();
        let (first, second) = (pulses.watch("/a", "A"), pulses.watch("/a", "A"));
        drop(first);
        advance(10 * MINUTE).await;
        assert_eq!(pulses.stuck().len(), 1, "the other still runs");
        drop(second);
        assert!(pulses.stuck().is_empty() && pulses.ages().is_empty());
        pulses.heard("/a");
        assert!(pulses.ages().is_empty());
    }
}

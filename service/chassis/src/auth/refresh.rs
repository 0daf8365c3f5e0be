//! Keeps the keys fresh, apart from requests.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chassis_http::error_chain::chain;
use tokio::{
    sync::{Notify, watch},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{issuer::Issuer, keys::Keys};
use crate::{config, health::Gate};

/// The keys at hand.
#[derive(Clone, Default)]
pub(super) struct State {
    pub keys: Option<Arc<Keys>>,
    /// When the last fetch ended, well or not.
    pub fetched: Option<Instant>,
}

impl State {
    pub(super) fn channel() -> (watch::Sender<Self>, watch::Receiver<Self>) {
        watch::channel(Self::default())
    }
}

/// Fetches keys at the times that `auth.refresh` and `auth.pause` allow.
pub(crate) struct Refresh {
    issuer: Issuer,
    state: watch::Sender<State>,
    wanted: Arc<Notify>,
    gate: Arc<Gate>,
    interval: Duration,
    pause: Duration,
}

impl Refresh {
    pub(super) fn new(
        issuer: Issuer,
        state: watch::Sender<State>,
        gate: Arc<Gate>,
        config: &config::Auth,
    ) -> Self {
        let (interval, pause) = (config.refresh.0, config.pause.0);
        Self { issuer, state, wanted: Arc::default(), gate, interval, pause }
    }

    /// What asks for a fetch before its time.
    pub(super) fn wanted(&self) -> Arc<Notify> {
        Arc::clone(&self.wanted)
    }

    /// Fetches until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.fetch_for_ever()).await;
    }

    async fn fetch_for_ever(self) {
        let mut failing = false;
        loop {
            failing = !self.fetch(failing).await;
            sleep(self.pause).await;
            if !failing {
                let rest = self.interval.saturating_sub(self.pause);
                // Over when somebody asks, or when it is time.
                _ = timeout(rest, self.wanted.notified()).await;
            }
        }
    }

    /// Whether it went well; said once for each outage.
    async fn fetch(&self, failing: bool) -> bool {
        let outcome = self.issuer.keys().await;
        let issuer = self.issuer.name();
        match &outcome {
            Ok(_) if failing => tracing::info!("the keys of {issuer} are here again"),
            Err(error) if !failing => {
                tracing::warn!(
                    "the keys of {issuer} cannot be fetched, those at hand stay: {}",
                    chain(error)
                );
            }
            _ => {}
        }
        let good = outcome.is_ok();
        self.state.send_modify(|state| {
            state.fetched = Some(Instant::now());
            if let Ok(keys) = outcome {
                state.keys = Some(Arc::new(keys));
            }
        });
        if good {
            self.gate.open();
        }
        good
    }
}

impl std::fmt::Debug for Refresh {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "keys of {}", self.issuer.name())
    }
}

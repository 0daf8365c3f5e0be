//! From a signal to the end of the process.

use std::{io, process::ExitCode};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Asks a server to end; clones ask the same server.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    pub(super) drain: CancellationToken,
    pub(super) abort: CancellationToken,
}

impl Shutdown {
    /// Asked by nobody yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// SIGTERM or SIGINT drains, a second one aborts. Has to be called inside a tokio runtime.
    pub fn on_signals() -> io::Result<Self> {
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let shutdown = Self::new();
        let asked = shutdown.clone();
        tokio::spawn(async move {
            for ask in [Self::drain, Self::abort] {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                ask(&asked);
            }
        });
        Ok(shutdown)
    }

    /// What comes of `work`; `None` if the end is asked for before.
    pub(crate) async fn before<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.drain.run_until_cancelled(work).await
    }

    /// Stop accepting, finish what is queued or in hand.
    pub fn drain(&self) {
        self.drain.cancel();
    }

    /// Do not wait for the drain.
    pub fn abort(&self) {
        self.drain.cancel();
        self.abort.cancel();
    }
}

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Every accepted request was answered.
    Drained,
    /// The drain took longer than `server.drain_timeout`, or was aborted.
    CutOff {
        /// Connections that were still open.
        connections: usize,
    },
}

impl From<Outcome> for ExitCode {
    /// 0, or 1 when something was cut off.
    fn from(outcome: Outcome) -> Self {
        if outcome == Outcome::Drained { Self::SUCCESS } else { Self::FAILURE }
    }
}

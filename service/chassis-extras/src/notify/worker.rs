//! Sends at intervals, each channel for itself.

use std::time::{Duration, Instant};

use chassis_http::error_chain::chain;
use futures::future::join_all;
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{Delivery, DeliveryError, Notifier};

/// Pauses after failures: doubled from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// Ends the sending.
#[derive(Debug)]
pub struct Deliveries {
    stop: CancellationToken,
    workers: Vec<JoinHandle<()>>,
}

impl Deliveries {
    /// Begins to send by each channel at intervals. Has to be called inside a tokio runtime.
    pub fn start(notifier: &Notifier) -> Self {
        let stop = CancellationToken::new();
        let run = |channel| tokio::spawn(run(notifier.clone(), channel, notifier.interval(), stop.clone()));
        let workers = (0..notifier.channels()).map(run).collect();
        Self { stop, workers }
    }

    /// Sends what is left, until `deadline` at most. What is not sent by then stays on disk.
    pub async fn end(self, deadline: Instant) {
        let Self { stop, mut workers } = self;
        stop.cancel();
        if timeout_at(deadline.into(), join_all(&mut workers)).await.is_err() {
            tracing::warn!("not all notifications are sent, they are kept for the next start");
            workers.iter().for_each(JoinHandle::abort);
        }
    }
}

/// Sends at once what an earlier process has left, then at intervals, and once more after `stop`.
async fn run(notifier: Notifier, channel: usize, interval: Duration, stop: CancellationToken) {
    let (mut pause, mut backoff) = (Duration::ZERO, FIRST_PAUSE);
    loop {
        let is_last = stop.run_until_cancelled(sleep(pause)).await.is_none();
        let Some(Delivery { channel, outcome }) = notifier.deliver_by(channel).await else { return };
        match outcome {
            Ok(count) => {
                if count > 0 {
                    tracing::info!("{count} notifications are sent by {channel}");
                }
                (pause, backoff) = (interval, FIRST_PAUSE);
            }
            Err(error) => {
                let asked = if let DeliveryError::Later(wait) = &error { *wait } else { Duration::ZERO };
                pause = backoff.max(asked);
                backoff = (backoff * 2).min(LONGEST_PAUSE);
                let reason = chain(&error);
                tracing::warn!("notifications are not sent by {channel} and kept: {reason}");
            }
        }
        if is_last {
            return;
        }
    }
}

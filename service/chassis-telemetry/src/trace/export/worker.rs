//! Takes spans from a queue and sends them to one collector.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::body::Bytes;
use chassis_http::error_chain::chain;
use chassis_wire::Wire;
use http::{HeaderValue, Method, StatusCode, Uri, header};
use http_body_util::{BodyExt, Collected, Full, Limited};
use tokio::{
    sync::{mpsc, watch},
    time::{sleep, sleep_until, timeout, timeout_at},
};

use super::{
    super::{loss::Loss, record::Record},
    format::Format,
    otlp, zipkin,
};
use crate::{config::Identity, metrics::Counter};

/// Pauses between attempts: doubled from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Of an answer that refuses, this much is logged.
const REASON: usize = 500;

pub(super) struct Worker {
    pub url: Uri,
    pub format: Format,
    pub identity: Identity,
    pub wire: Wire,
    pub spans: mpsc::Receiver<Arc<Record>>,
    pub batch: usize,
    pub interval: Duration,
    pub timeout: Duration,
    pub sent: Counter,
    pub loss: Loss,
}

/// Why a batch was not taken.
enum Trouble {
    /// May be over in a while.
    Away(String),
    /// It will not be taken later either.
    Refused(String),
}

impl Worker {
    /// Sends until the watched deadline is set, and then what is left, until that deadline.
    pub(super) async fn run(mut self, mut end: watch::Receiver<Option<Instant>>) {
        let mut batch = Vec::new();
        while end.borrow().is_none() {
            let gathered = tokio::select! {
                () = self.gather(&mut batch) => true,
                _ = end.changed() => false,
            };
            if gathered {
                self.deliver(&mut batch, &mut end).await;
            }
        }
        let deadline = end.borrow().unwrap_or_else(Instant::now);
        self.spans.close();
        while let Ok(span) = self.spans.try_recv() {
            batch.push(span);
        }
        if !batch.is_empty() {
            tracing::info!("sending the last {} spans to the collector {}", batch.len(), self.url);
        }
        self.deliver_rest(batch, deadline).await;
    }

    /// Waits for a first span and for others that come soon after it.
    async fn gather(&mut self, batch: &mut Vec<Arc<Record>>) {
        if batch.is_empty() && self.spans.recv_many(batch, 1).await == 0 {
            // Nobody is left to send any.
            return std::future::pending().await;
        }
        let soon = tokio::time::Instant::now() + self.interval;
        while batch.len() < self.batch {
            let room = self.batch - batch.len();
            if !matches!(timeout_at(soon, self.spans.recv_many(batch, room)).await, Ok(1..)) {
                return;
            }
        }
    }

    /// Tries until the batch is taken or refused, or the end has come; then it is kept.
    async fn deliver(&self, batch: &mut Vec<Arc<Record>>, end: &mut watch::Receiver<Option<Instant>>) {
        let (mut pause, mut away) = (FIRST_PAUSE, false);
        loop {
            let outcome = tokio::select! {
                outcome = self.post(batch) => outcome,
                () = deadline_of(end) => return,
            };
            match outcome {
                Ok(()) => {
                    if away {
                        tracing::info!("the collector {} takes spans again", self.url);
                    }
                    return batch.clear();
                }
                Err(Trouble::Refused(reason)) => {
                    self.refused(&reason, batch.len());
                    return batch.clear();
                }
                Err(Trouble::Away(reason)) if !away => {
                    let url = &self.url;
                    tracing::warn!("the collector {url} takes no spans, they wait in the queue: {reason}");
                    away = true;
                }
                Err(Trouble::Away(_)) => {}
            }
            if timeout(pause, end.wait_for(Option::is_some)).await.is_ok() {
                return;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn deliver_rest(&self, spans: Vec<Arc<Record>>, deadline: Instant) {
        let mut left = spans.as_slice();
        while !left.is_empty() && Instant::now() < deadline {
            let (batch, rest) = left.split_at(left.len().min(self.batch));
            match timeout_at(deadline.into(), self.post(batch)).await {
                Ok(Ok(())) => left = rest,
                Ok(Err(Trouble::Refused(reason))) => {
                    self.refused(&reason, batch.len());
                    left = rest;
                }
                Ok(Err(Trouble::Away(_))) => sleep(FIRST_PAUSE).await,
                Err(_elapsed) => break,
            }
        }
        if !left.is_empty() {
            tracing::warn!("{} spans are lost, the collector {} did not take them", left.len(), self.url);
            self.loss.unreachable.add(count(left));
        }
    }

    fn refused(&self, reason: &str, spans: usize) {
        tracing::warn!("{spans} spans are lost, the collector {} refuses them: {reason}", self.url);
        self.loss.rejected.add(u64::try_from(spans).unwrap_or(u64::MAX));
    }

    async fn post(&self, batch: &[Arc<Record>]) -> Result<(), Trouble> {
        let (content_type, body) = match self.format {
            Format::Zipkin1 => ("application/json", zipkin::format_1(batch)),
            Format::Zipkin2 => ("application/json", zipkin::format_2(batch, &self.identity.name)),
            Format::Otlp => ("application/x-protobuf", Ok(otlp::request(batch, &self.identity))),
        };
        let body = body.map_err(|error| Trouble::Refused(error.to_string()))?;
        let request = http::Request::builder()
            .method(Method::POST)
            .uri(self.url.clone())
            .header(header::CONTENT_TYPE, HeaderValue::from_static(content_type))
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| Trouble::Refused(error.to_string()))?;
        let exchange = async {
            let away = |error: &dyn std::error::Error| Trouble::Away(chain(error));
            let answer = self.wire.request(request).await.map_err(|error| away(&error))?;
            let status = answer.status();
            // Read to its end, so that the connection can be used again.
            let body = Limited::new(answer.into_body(), 1 << 20).collect().await;
            if status.is_success() {
                return Ok(());
            }
            let text = body.map(Collected::to_bytes).unwrap_or_default();
            let text = String::from_utf8_lossy(&text[..text.len().min(REASON)]).into_owned();
            let reason = format!("{status} {}", text.trim());
            Err(if is_passing(status) { Trouble::Away(reason) } else { Trouble::Refused(reason) })
        };
        let late = || Trouble::Away(format!("no answer within {:?}", self.timeout));
        timeout(self.timeout, exchange).await.unwrap_or_else(|_| Err(late()))?;
        self.sent.add(count(batch));
        Ok(())
    }
}

/// Waits until there is a deadline, and then for it.
async fn deadline_of(end: &mut watch::Receiver<Option<Instant>>) {
    let deadline = end.wait_for(Option::is_some).await.ok().and_then(|deadline| *deadline);
    sleep_until(deadline.unwrap_or_else(Instant::now).into()).await;
}

fn is_passing(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
}

fn count(spans: &[Arc<Record>]) -> u64 {
    u64::try_from(spans.len()).unwrap_or(u64::MAX)
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:?} to {}", self.format, self.url)
    }
}

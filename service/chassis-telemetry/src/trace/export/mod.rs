//! Spans on their way to collectors.

mod format;
mod otlp;
mod worker;
mod zipkin;

use std::{sync::Arc, time::Instant};

use chassis_wire::{TlsError, Wire, wire};
use futures::future::join_all;
use prometheus::Error;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use self::{format::Format, worker::Worker};
use super::{
    loss::Loss,
    tracer::{Sink, Tracer},
};
use crate::{config, metrics::Metrics};

/// Why requests cannot be traced.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// A metric of this name exists.
    #[error("the metrics of traces cannot be made")]
    Metrics(#[from] Error),
    /// There is no TLS here.
    #[error("the collector's URL is https")]
    Tls(#[from] TlsError),
}

/// The running export.
#[derive(Debug)]
pub struct Tracing {
    workers: Vec<Worker>,
    /// Where spans begin.
    pub tracer: Arc<Tracer>,
}

/// Ends the export.
#[derive(Debug)]
pub struct Exports {
    end: watch::Sender<Option<Instant>>,
    workers: Vec<JoinHandle<()>>,
}

impl Tracing {
    /// Makes the tracer of the service that `identity` names; `None` when nobody is to get spans.
    pub fn new(
        tracing: &config::Tracing,
        identity: &config::Identity,
        metrics: &Metrics,
    ) -> Result<Option<Self>, TraceError> {
        if !tracing.is_on() {
            return Ok(None);
        }
        let sent = metrics.counters(
            "chassis_spans_exported_total",
            "Spans that a collector has taken",
            &["collector"],
        )?;
        let losses = metrics.counters(
            "chassis_spans_lost_total",
            "Spans that a collector did not get",
            &["collector", "reason"],
        )?;
        let collectors = [
            tracing.zipkin_url.as_ref().map(|url| ("zipkin", Format::of_zipkin(url), url)),
            tracing.otlp_url.as_ref().map(|url| ("otlp", Format::Otlp, url)),
        ];
        let (mut sinks, mut workers) = (Vec::new(), Vec::new());
        for (collector, format, url) in collectors.into_iter().flatten() {
            let of = |reason| losses.with(&[collector, reason]);
            let loss = Loss {
                queue_full: of("queue_full")?,
                rejected: of("rejected")?,
                unreachable: of("unreachable")?,
                ended: of("shutdown")?,
            };
            let (queue, spans) = mpsc::channel(tracing.queue.0);
            sinks.push(Sink { queue, loss: loss.clone() });
            let wire: Wire = wire(url.uri(), tracing.timeout.0, 1)?;
            workers.push(Worker {
                url: url.uri().clone(),
                format,
                identity: identity.clone(),
                wire,
                spans,
                batch: tracing.batch.0,
                interval: tracing.interval.0,
                timeout: tracing.timeout.0,
                sent: sent.with(&[collector])?,
                loss,
            });
        }
        let refused = metrics.counter(
            "chassis_traces_not_forced_total",
            "Requests that asked to be traced beyond tracing.forced_per_second",
        )?;
        let tracer = Arc::new(Tracer::new(&identity.name, tracing, refused, sinks));
        Ok(Some(Self { workers, tracer }))
    }

    /// Begins to send.
    pub fn start(self) -> Exports {
        let (end, ends) = watch::channel(None);
        let workers = self.workers.into_iter().map(|worker| tokio::spawn(worker.run(ends.clone()))).collect();
        Exports { end, workers }
    }
}

impl Exports {
    /// Sends what is left, until `deadline` at most.
    pub async fn end(self, deadline: Instant) {
        self.end.send_replace(Some(deadline));
        join_all(self.workers).await;
    }
}

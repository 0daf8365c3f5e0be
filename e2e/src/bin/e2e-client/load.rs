use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use clap::Args;
use e2e::LoadReport;
use http_body_util::BodyExt;
use hyper::client::conn::http1::SendRequest;
use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};

use crate::target::{Body, Target};

#[derive(Args)]
pub struct Load {
    /// Where to, such as <http://hello/microservice>
    url: String,
    /// Connections at a time; each waits for an answer before it sends the next request.
    #[arg(long, default_value_t = 16)]
    connections: u32,
    /// Requests in all.
    #[arg(long, default_value_t = 1000)]
    requests: u64,
    #[arg(long, default_value = "GET")]
    method: String,
    /// Body of each request.
    #[arg(long, default_value = "")]
    data: String,
    /// A new connection for every request.
    #[arg(long)]
    no_keepalive: bool,
    /// Seconds until an answer must be complete.
    #[arg(long, default_value_t = 30)]
    timeout: u64,
}

/// What became of one request.
enum Outcome {
    Answered(u16),
    Lost(&'static str),
}

impl Load {
    pub async fn run(self) -> Result<()> {
        let Self { url, connections, requests, method, data, no_keepalive, timeout } = self;
        let worker = Worker {
            target: Arc::new(Target::new(&url, &method, &data)?),
            left: Arc::new(AtomicU64::new(requests)),
            keepalive: !no_keepalive,
            limit: Duration::from_secs(timeout),
        };
        let began = Instant::now();
        let mut workers = JoinSet::new();
        for _ in 0..connections {
            workers.spawn(worker.clone().run());
        }
        let mut report = LoadReport::default();
        while let Some(part) = workers.join_next().await {
            report.add(part?);
        }
        report.elapsed_ms = millis(began.elapsed());
        println!("{}", serde_json::to_string(&report)?);
        Ok(())
    }
}

/// One connection at a time, until no request is left.
#[derive(Clone)]
struct Worker {
    target: Arc<Target>,
    left: Arc<AtomicU64>,
    keepalive: bool,
    limit: Duration,
}

impl Worker {
    async fn run(self) -> LoadReport {
        let mut report = LoadReport::default();
        let mut connection = None;
        while self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
        {
            let began = Instant::now();
            report.sent += 1;
            let outcome = timeout(self.limit, self.send(&mut connection)).await;
            match outcome.unwrap_or(Outcome::Lost("timeout")) {
                Outcome::Answered(status) => {
                    report.answered += 1;
                    *report.status.entry(status).or_default() += 1;
                    report.max_latency_ms = report.max_latency_ms.max(millis(began.elapsed()));
                }
                Outcome::Lost(why) => {
                    *report.errors.entry(why.into()).or_default() += 1;
                    connection = None;
                }
            }
        }
        report
    }

    /// Sends one request, once: an idle connection that turns out to be closed only when the request
    /// is on its way is a lost request, as it is for other clients.
    async fn send(&self, connection: &mut Option<SendRequest<Body>>) -> Outcome {
        let mut sender = match self.kept(connection).await {
            Some(sender) => sender,
            None => match self.target.connect().await {
                Ok(sender) => sender,
                Err(_) => return Outcome::Lost("connect"),
            },
        };
        let Ok(request) = self.target.request() else { return Outcome::Lost("broken") };
        let Ok(answer) = sender.send_request(request).await else { return Outcome::Lost("broken") };
        let status = answer.status().as_u16();
        if answer.into_body().collect().await.is_err() {
            return Outcome::Lost("broken");
        }
        *connection = Some(sender);
        Outcome::Answered(status)
    }

    /// The connection of the last request, if it may be used again and is not known to be closed.
    async fn kept(&self, connection: &mut Option<SendRequest<Body>>) -> Option<SendRequest<Body>> {
        let mut sender = connection.take().filter(|_| self.keepalive)?;
        sender.ready().await.ok()?;
        Some(sender)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

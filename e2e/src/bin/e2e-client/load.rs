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
    time::{Instant, sleep_until, timeout},
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
    /// Requests per second, over all connections: each is due at its own time, whatever became of
    /// those before it (0: each connection sends when it has its answer).
    #[arg(long, default_value_t = 0)]
    rate: u32,
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
        let Self { url, connections, requests, method, data, no_keepalive, rate, timeout } = self;
        let began = Instant::now();
        let worker = Worker {
            target: Arc::new(Target::new(&url, &method, &data)?),
            next: Arc::new(AtomicU64::new(0)),
            requests,
            began,
            interval: (rate > 0).then(|| Duration::from_secs(1) / rate),
            keepalive: !no_keepalive,
            limit: Duration::from_secs(timeout),
        };
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
    next: Arc<AtomicU64>,
    requests: u64,
    began: Instant,
    /// Between two requests; none: as quick as the answers.
    interval: Option<Duration>,
    keepalive: bool,
    limit: Duration,
}

impl Worker {
    async fn run(self) -> LoadReport {
        let mut report = LoadReport::default();
        let mut connection = None;
        while let Some(began) = self.turn().await {
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

    /// Waits for the next request's time and returns it; none when all are sent. A request that is
    /// begun late counts from when it was due, or a server that stalls would look quick.
    async fn turn(&self) -> Option<Instant> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        if index >= self.requests {
            return None;
        }
        let Some(interval) = self.interval else { return Some(Instant::now()) };
        let due = self.began + interval * u32::try_from(index).ok()?;
        sleep_until(due).await;
        Some(due)
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

use std::{
    io::ErrorKind,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use clap::Args;
use e2e::{Load as Stream, LoadReport, STOP_PORT};
use http::header;
use http_body_util::BodyExt;
use hyper::client::conn::http1::SendRequest;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

use crate::{
    tally::{Outcome, Tally},
    target::{Body, Target},
};

/// No stream lasts longer, told or not.
const LONGEST: Duration = Duration::from_mins(5);

#[derive(Args)]
pub struct Load {
    /// Streams of requests that run side by side: JSON objects with url, method, data, connections,
    /// requests, keepalive, rate, until_told and timeout
    #[arg(required = true, value_parser = parse)]
    streams: Vec<Stream>,
}

fn parse(text: &str) -> serde_json::Result<Stream> {
    serde_json::from_str(text)
}

impl Load {
    pub async fn run(self) -> Result<()> {
        let told = Arc::new(AtomicBool::new(false));
        if self.streams.iter().any(|stream| stream.until_told) {
            tokio::spawn(listen(TcpListener::bind(("0.0.0.0", STOP_PORT)).await?, told.clone()));
        }
        let mut workers = JoinSet::new();
        let mut running = Vec::new();
        for stream in self.streams {
            let shared = Arc::new(Shared::new(&stream, told.clone())?);
            for _ in 0..stream.connections {
                workers.spawn(Worker { stream: shared.clone() }.run());
            }
            running.push(shared);
        }
        while let Some(ended) = workers.join_next().await {
            ended?;
        }
        for stream in running {
            println!("{}", serde_json::to_string(&stream.report())?);
        }
        Ok(())
    }
}

/// Whoever connects tells the streams to end.
async fn listen(listener: TcpListener, told: Arc<AtomicBool>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        // A request, whatever it says.
        if stream.read(&mut [0; 1024]).await.is_ok_and(|length| length > 0) {
            told.store(true, Ordering::Relaxed);
            let _ =
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
        }
    }
}

/// What the connections of one stream have in common.
struct Shared {
    target: Target,
    /// The request that is sent next.
    next: AtomicU64,
    requests: u64,
    began: Instant,
    rate: Option<u32>,
    keepalive: bool,
    limit: Duration,
    until_told: bool,
    told: Arc<AtomicBool>,
    tally: Mutex<Tally>,
}

impl Shared {
    fn new(stream: &Stream, told: Arc<AtomicBool>) -> Result<Self> {
        Ok(Self {
            target: Target::new(&stream.url, &stream.method, &stream.data)?.closing(!stream.keepalive),
            next: AtomicU64::new(0),
            requests: stream.requests,
            began: Instant::now(),
            rate: stream.rate.filter(|rate| *rate > 0),
            keepalive: stream.keepalive,
            limit: Duration::from_secs(stream.timeout),
            until_told: stream.until_told,
            told,
            tally: Mutex::new(Tally::new()?),
        })
    }

    fn ends(&self, index: u64) -> bool {
        let enough = index >= self.requests;
        let wanted = self.until_told && !self.told.load(Ordering::Relaxed);
        enough && !wanted || self.began.elapsed() > LONGEST
    }

    fn report(&self) -> LoadReport {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).report(self.began.elapsed())
    }
}

/// One connection at a time, until no request is left.
struct Worker {
    stream: Arc<Shared>,
}

impl Worker {
    async fn run(self) {
        let mut connection = None;
        while let Some(due) = self.turn().await {
            let begun = Instant::now();
            let outcome = timeout(self.stream.limit, self.send(&mut connection)).await;
            let outcome = outcome.unwrap_or(Outcome::Lost("timeout"));
            if let Outcome::Lost(_) = outcome {
                connection = None;
            }
            let mut tally = self.stream.tally.lock().unwrap_or_else(PoisonError::into_inner);
            tally.add(&outcome, due - self.stream.began, begun - due, due.elapsed());
        }
    }

    /// Waits for the next request's time and returns it; none when all are sent. A request that is
    /// begun late counts from when it was due, or a server that stalls would look quick.
    async fn turn(&self) -> Option<Instant> {
        let index = self.stream.next.fetch_add(1, Ordering::Relaxed);
        if self.stream.ends(index) {
            return None;
        }
        let Some(rate) = self.stream.rate else { return Some(Instant::now()) };
        let due = self.stream.began + Duration::from_nanos(index * 1_000_000_000 / u64::from(rate));
        sleep_until(due).await;
        // It may have been told to end meanwhile.
        (!self.stream.ends(index)).then_some(due)
    }

    /// Sends one request, once: an idle connection that turns out to be closed only when the request
    /// is on its way is a lost request, as it is for other clients.
    async fn send(&self, connection: &mut Option<SendRequest<Body>>) -> Outcome {
        let mut sender = match self.kept(connection).await {
            Some(sender) => sender,
            None => match self.stream.target.connect().await {
                Ok(sender) => sender,
                Err(error) => {
                    let refused = error
                        .downcast_ref::<std::io::Error>()
                        .is_some_and(|error| error.kind() == ErrorKind::ConnectionRefused);
                    return Outcome::Lost(if refused { "refused" } else { "connect" });
                }
            },
        };
        let Ok(request) = self.stream.target.request() else { return Outcome::Lost("closed") };
        let Ok(answer) = sender.send_request(request).await else { return Outcome::Lost("closed") };
        let status = answer.status();
        let retry_after = answer.headers().contains_key(header::RETRY_AFTER);
        if answer.into_body().collect().await.is_err() {
            return Outcome::Lost("cut");
        }
        *connection = Some(sender);
        Outcome::Answered { status, retry_after }
    }

    /// The connection of the last request, if it may be used again and is not known to be closed.
    async fn kept(&self, connection: &mut Option<SendRequest<Body>>) -> Option<SendRequest<Body>> {
        let mut sender = connection.take().filter(|_| self.stream.keepalive)?;
        sender.ready().await.ok()?;
        Some(sender)
    }
}

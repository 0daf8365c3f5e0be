//! Sends closed files.

use std::{
    fmt, fs,
    fs::File,
    io::{self, BufReader},
    path::{Path, PathBuf},
    pin::pin,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use bytes::Bytes;
use chassis_config::Secret;
use chassis_http::error_chain::chain;
use chassis_telemetry::config::LogFormat;
use chassis_wire::{Wire, wire};
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use tokio::{
    sync::oneshot,
    task::spawn_blocking,
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{
    LogShipError,
    batch::{Batch, Batches},
    config,
    counts::Counts,
    refused::{self, IN_A_ROW, Refused},
    spool,
    writer::Lines,
};

/// Pauses after failures: doubled from the interval, or the first, to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// Takes closed files to the endpoint.
pub(super) struct Shipper {
    file: PathBuf,
    endpoint: Secret,
    config: config::LogShip,
    counts: Counts,
    refused_in_a_row: AtomicUsize,
}

/// What one look at the closed files came to.
#[derive(Debug, Default)]
struct Round {
    shipped: u64,
    /// Files that wait for another time.
    kept: usize,
    /// Why.
    trouble: Option<String>,
    /// Whether the endpoint takes nothing at all.
    away: bool,
}

/// Why a batch was not taken.
enum Trouble {
    /// Others would not be either, for a while.
    Away(String),
    /// This one is not wanted; others may be.
    Refused(String),
}

impl Shipper {
    pub(super) fn new(config: &config::LogShip, counts: Counts) -> Result<Self, LogShipError> {
        match (&config.file, &config.endpoint) {
            (Some(file), Some(endpoint)) => {
                let (file, endpoint) = (file.clone(), endpoint.clone());
                let (config, refused_in_a_row) = (config.clone(), AtomicUsize::new(IN_A_ROW));
                Ok(Self { file, endpoint, config, counts, refused_in_a_row })
            }
            _ => Err(LogShipError::NotConfigured),
        }
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    pub(super) fn format(&self) -> LogFormat {
        self.config.format
    }

    /// Sends at intervals until `ended`, and then what is left.
    pub(super) async fn run(self, lines: Lines, mut ended: oneshot::Receiver<()>) {
        let (interval, first) = (self.config.interval.0, self.config.interval.0.min(FIRST_PAUSE));
        let (mut failures, mut troubled, mut dropped) = (0, false, 0);
        let mut pause = interval;
        let deadline = || Instant::now() + self.config.shutdown_timeout.0;
        let deadline = loop {
            tokio::select! {
                () = sleep(pause) => {}
                _ = &mut ended => break deadline(),
            }
            let mut round = pin!(self.round(&lines));
            let round = tokio::select! {
                round = &mut round => round,
                _ = &mut ended => {
                    let deadline = deadline();
                    _ = timeout_at(deadline, round).await;
                    break deadline;
                }
            };
            match (&round.trouble, troubled) {
                (Some(reason), false) => {
                    tracing::warn!(
                        "log lines are not shipped, they wait in {}: {reason}",
                        self.file.display()
                    );
                }
                (None, true) => tracing::info!("log lines are shipped again"),
                _ => {}
            }
            troubled = round.trouble.is_some();
            failures = if round.away { failures + 1 } else { 0 };
            pause = match failures {
                0 => interval,
                // One who has come back is not met by everybody at once.
                _ => first
                    .saturating_mul(1 << failures.min(16))
                    .min(LONGEST_PAUSE)
                    .mul_f64(0.5 + fastrand::f64() / 2.0),
            };
            let before = std::mem::replace(&mut dropped, self.counts.dropped());
            if dropped > before {
                tracing::warn!("{} log lines will not be shipped, they were dropped", dropped - before);
            }
        };
        let last = timeout_at(deadline, self.round(&lines)).await;
        if let Some(reason) = last.map_or(Some("it took too long".to_owned()), |round| round.trouble) {
            tracing::warn!("the last log lines wait in {}: {reason}", self.file.display());
        }
    }

    /// Sends every closed file, for once.
    pub(super) async fn once(&self) -> Result<u64, LogShipError> {
        let Round { shipped, kept, trouble, away: _ } = self.send_closed().await;
        trouble.map_or(Ok(shipped), |reason| Err(LogShipError::Kept { kept, shipped, reason }))
    }

    async fn round(&self, lines: &Lines) -> Round {
        lines.close().await;
        self.send_closed().await
    }

    async fn send_closed(&self) -> Round {
        let mut round = Round::default();
        let outcome = self.try_round(&mut round).await;
        if let Err(error) = outcome {
            round.trouble = Some(error.to_string());
            round.away = true;
        }
        round
    }

    async fn try_round(&self, round: &mut Round) -> io::Result<()> {
        let path = self.file.clone();
        let files = spawn_blocking(move || spool::closed(&path)).await??;
        if files.is_empty() {
            return Ok(());
        }
        let (wire, url) = self.connect()?;
        let mut left = files.len();
        for (_, path) in files {
            let at = path.clone();
            if let Some(file) = spawn_blocking(move || spool::claim(&at)).await?? {
                match self.send(&wire, &url, file, &path).await? {
                    Ok(lines) => round.shipped += lines,
                    Err(trouble) => {
                        round.kept += 1;
                        self.counts.failures.inc();
                        match trouble {
                            Trouble::Refused(reason) => round.trouble = Some(reason),
                            Trouble::Away(reason) => {
                                round.trouble = Some(reason);
                                round.away = true;
                                round.kept += left - 1;
                                return Ok(());
                            }
                        }
                    }
                }
            }
            left -= 1;
        }
        Ok(())
    }

    /// The endpoint as it is now: it may stand in a file that changes.
    fn connect(&self) -> io::Result<(Wire, Uri)> {
        let url = self.endpoint.read()?;
        // Not repeated: it may have a token in it.
        let url: Uri = url.trim().parse().map_err(|_| io::Error::other("logship.endpoint is no URL"))?;
        let wire = wire(&url, self.config.timeout.0, 1).map_err(|error| io::Error::other(chain(&error)))?;
        Ok((wire, url))
    }

    /// Sends all of a file and removes it; how many lines it had.
    async fn send(
        &self,
        wire: &Wire,
        url: &Uri,
        file: File,
        path: &Path,
    ) -> io::Result<Result<u64, Trouble>> {
        let mut batches = Batches::new(BufReader::new(file), self.config.max_batch.0, self.config.max_line.0);
        let mut refused = Refused::new(self.refused_in_a_row.load(Relaxed));
        let mut shipped = 0;
        loop {
            let read = spawn_blocking(move || (batches.next(), batches)).await?;
            batches = read.1;
            let Some(Batch { body, lines }) = read.0? else { break };
            let before = refused.lines();
            let outcome = self.post_all(wire, url, body.into(), &mut refused).await;
            self.refused_in_a_row.store(refused.in_a_row(), Relaxed);
            if let Err(trouble) = outcome {
                return Ok(Err(trouble));
            }
            let taken = lines - (refused.lines() - before);
            self.counts.shipped.inc_by(taken);
            shipped += taken;
        }
        if refused.in_a_row() >= IN_A_ROW {
            return Ok(Err(Trouble::Refused("the endpoint refuses all of them".to_owned())));
        }
        // Once more: it may have refused everything then.
        for line in refused.take() {
            match self.post(wire, url, line.clone()).await {
                Ok(()) => {
                    self.counts.shipped.inc();
                    shipped += 1;
                }
                Err(Trouble::Refused(_)) => _ = refused.add(line),
                Err(away) => return Ok(Err(away)),
            }
        }
        self.counts.too_long.inc_by(batches.too_long);
        let (path, aside, room) = (path.to_owned(), refused::file(&self.file), self.config.max_batch.0);
        if refused.lines() > 0 {
            self.counts.refused.inc_by(refused.lines());
            tracing::warn!(
                "the endpoint refuses {} log lines for good, they are kept in {}",
                refused.lines(),
                aside.display()
            );
        }
        // The lock is held until it is gone.
        spawn_blocking(move || {
            refused.write(&aside, room)?;
            let removed = fs::remove_file(path);
            drop(batches);
            match removed {
                // To make room.
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                removed => removed,
            }
        })
        .await??;
        Ok(Ok(shipped))
    }

    /// Posts a batch. What is refused is posted again in halves, down to the lines that are to blame.
    async fn post_all(
        &self,
        wire: &Wire,
        url: &Uri,
        batch: Bytes,
        refused: &mut Refused,
    ) -> Result<(), Trouble> {
        let mut parts = vec![batch];
        while let Some(part) = parts.pop() {
            match self.post(wire, url, part.clone()).await {
                Ok(()) => refused.taken(),
                Err(Trouble::Refused(reason)) => match refused::halves(&part) {
                    // In order: the first half is the next.
                    Some((first, second)) => parts.extend([second, first]),
                    None if refused.add(part) => {}
                    None => return Err(Trouble::Refused(reason)),
                },
                Err(away) => return Err(away),
            }
        }
        Ok(())
    }

    async fn post(&self, wire: &Wire, url: &Uri, body: Bytes) -> Result<(), Trouble> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = url.clone();
        let content_type = HeaderValue::from_static(content_type(self.config.format));
        request.headers_mut().insert(header::CONTENT_TYPE, content_type);
        let exchange = async {
            let away = |error: &dyn std::error::Error| Trouble::Away(chain(error));
            let answer = wire.request(request).await.map_err(|error| away(&error))?;
            let status = answer.status();
            // Read to its end, so that the connection can be used again; not logged, for it may repeat the token.
            _ = Limited::new(answer.into_body(), 1 << 20).collect().await;
            match status {
                status if status.is_success() => Ok(()),
                status if is_about_the_batch(status) => {
                    Err(Trouble::Refused(format!("the endpoint refuses lines: {status}")))
                }
                status => Err(Trouble::Away(format!("the endpoint answers {status}"))),
            }
        };
        let limit = self.config.timeout.0;
        let late = || Trouble::Away(format!("the endpoint does not answer within {limit:?}"));
        timeout(limit, exchange).await.unwrap_or_else(|_| Err(late()))
    }
}

/// Whether another batch may be taken, where this one is not.
fn is_about_the_batch(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_REQUEST
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE
            | StatusCode::UNPROCESSABLE_ENTITY
    )
}

fn content_type(format: LogFormat) -> &'static str {
    match format {
        LogFormat::JsonDev | LogFormat::JsonProd | LogFormat::JsonEs => "application/json",
        LogFormat::Cst | LogFormat::Pymicro | LogFormat::Brief => "text/plain",
    }
}

impl fmt::Debug for Shipper {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Shipper of {}", self.file.display())
    }
}

//! Stands between an operator and the API server, and lets go wrong what the plan says.

use std::{convert::Infallible, future::pending, net::SocketAddr, pin::Pin, sync::Arc};

use anyhow::Result;
use futures::{Stream, TryFutureExt, stream};
use http::{Request, Response, StatusCode, header::RETRY_AFTER};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    body::{Bytes, Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use kube::{Client, client::Body};
use serde_json::json;
use tokio::{
    net::TcpListener,
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;

use super::plan::{Disturbance, Fault, Faults, Moment, Refusal};

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Answer = Response<UnsyncBoxBody<Bytes, BoxError>>;

/// The way of one operator to the API server. Its connections end with it.
pub struct Relay {
    pub address: SocketAddr,
    /// When the operator is to die: nothing is passed on any more.
    pub death: CancellationToken,
    task: JoinHandle<()>,
}

#[derive(Clone)]
struct Way {
    upstream: Client,
    faults: Arc<Faults>,
    death: CancellationToken,
}

impl Relay {
    /// Listens on loopback; `upstream` must not try again by itself.
    pub async fn start(upstream: Client, faults: Arc<Faults>) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let (address, death) = (listener.local_addr()?, CancellationToken::new());
        let way = Way { upstream, faults, death: death.clone() };
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                // Small answers must not wait for more to come.
                let _ = stream.set_nodelay(true);
                let way = way.clone();
                let service = service_fn(move |request| way.clone().pass(request));
                connections.spawn(
                    http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .unwrap_or_else(drop),
                );
            }
        });
        Ok(Self { address, death, task })
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Way {
    /// An error ends the connection without an answer.
    async fn pass(self, request: Request<Incoming>) -> Result<Answer, BoxError> {
        if self.death.is_cancelled() {
            return pending().await;
        }
        let path = request.uri().path().to_owned();
        if !request.method().is_safe() {
            return match self.faults.of_write(request.method(), &path) {
                None => self.forward(request).await,
                Some(Fault::Refused(code)) => Ok(refused(code)),
                Some(Fault::Late(time)) => {
                    tokio::time::sleep(time).await;
                    self.forward(request).await
                }
                Some(Fault::Silence) => pending().await,
                Some(Fault::Cut(moment)) => {
                    self.reach(moment, request).await?;
                    Err("cut".into())
                }
                Some(Fault::Dies(moment)) => {
                    self.reach(moment, request).await?;
                    self.death.cancel();
                    pending().await
                }
            };
        }
        let is_watch = request.uri().query().is_some_and(|query| query.contains("watch=true"));
        let is_list = request.uri().query().is_some_and(|query| query.contains("limit="));
        if is_watch || is_list {
            match self.faults.of_read(&path) {
                None => {}
                Some(Refusal::Status(code)) => return Ok(refused(code)),
                Some(Refusal::Cut) => return Err("cut".into()),
            }
        }
        let answer = self.clone().forward(request).await?;
        Ok(if is_watch { answer.map(|body| disturbed(body, &self.faults)) } else { answer })
    }

    async fn reach(&self, moment: Moment, request: Request<Incoming>) -> Result<(), BoxError> {
        if moment == Moment::After {
            self.clone().forward(request).await?.into_body().collect().await?;
        }
        Ok(())
    }

    async fn forward(self, request: Request<Incoming>) -> Result<Answer, BoxError> {
        let (mut parts, body) = request.into_parts();
        parts.headers.remove(http::header::HOST);
        let body = body.collect().await?.to_bytes();
        let answer = self.upstream.send(Request::from_parts(parts, Body::from(body.to_vec()))).await?;
        Ok(answer.map(|body| body.map_err(Into::into).boxed_unsync()))
    }
}

/// As the API server says it.
fn status(code: StatusCode) -> String {
    let reason = match code {
        StatusCode::CONFLICT => "Conflict",
        StatusCode::GONE => "Expired",
        StatusCode::TOO_MANY_REQUESTS => "TooManyRequests",
        StatusCode::SERVICE_UNAVAILABLE => "ServiceUnavailable",
        _ => "InternalError",
    };
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "a fault of the test", "reason": reason, "code": code.as_u16()});
    status.to_string()
}

fn refused(code: StatusCode) -> Answer {
    let body = Full::from(status(code)).map_err(|never: Infallible| match never {}).boxed_unsync();
    let mut answer = Response::new(body);
    *answer.status_mut() = code;
    if code == StatusCode::TOO_MANY_REQUESTS {
        answer.headers_mut().insert(RETRY_AFTER, 1.into());
    }
    answer
}

/// What is left of a watch's stream.
enum Rest {
    Running(UnsyncBoxBody<Bytes, BoxError>),
    /// Half an event was sent.
    Torn,
    Ended,
}

/// A watch's stream until it is disturbed.
fn disturbed(body: UnsyncBoxBody<Bytes, BoxError>, faults: &Faults) -> UnsyncBoxBody<Bytes, BoxError> {
    let (mut signal, disturbance) = faults.disturbance();
    let Some(disturbance) = disturbance else { return body };
    signal.mark_unchanged();
    let frames: Pin<Box<dyn Stream<Item = Result<Frame<Bytes>, BoxError>> + Send>> = Box::pin(
        stream::unfold((Rest::Running(body), signal), move |(rest, mut signal)| async move {
            let mut body = match rest {
                Rest::Running(body) => body,
                Rest::Torn => return Some((Err("cut".into()), (Rest::Ended, signal))),
                Rest::Ended => return None,
            };
            tokio::select! {
                biased;
                _ = signal.changed() => match disturbance {
                    Disturbance::Cut => {
                        let half = Frame::data(Bytes::from_static(br#"{"type":"MODI"#));
                        Some((Ok(half), (Rest::Torn, signal)))
                    }
                    Disturbance::Gone => {
                        let event = format!("{{\"type\":\"ERROR\",\"object\":{}}}\n", status(StatusCode::GONE));
                        Some((Ok(Frame::data(event.into())), (Rest::Ended, signal)))
                    }
                    Disturbance::Silence => pending().await,
                },
                frame = body.frame() => frame.map(|frame| (frame, (Rest::Running(body), signal))),
            }
        }),
    );
    StreamBody::new(frames).boxed_unsync()
}

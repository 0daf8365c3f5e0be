//! One client connection, from its acceptance to its end.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    http::{HeaderValue, header},
};
use futures::future::BoxFuture;
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::Service};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::yield_now,
    time::{Sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    front::Front,
    metrics::Sockets,
    phase::{Answer, Clock, Phase, Received, Watched},
};
use crate::config;

/// Largest read buffer of a connection.
const BUFFER: usize = 64 << 10;

/// Largest header block; a larger one gets a 431. Twice what nginx accepts by default (4 buffers of 8 KiB).
const HEADER: usize = 64 << 10;

/// A connection that was opened just before the shutdown may still send its first request.
const FRESH_WHILE_CLOSING: Duration = Duration::from_secs(1);

/// After an early answer the rest of the request is read and thrown away until the client pauses for this long; closing
/// at once would make its kernel discard the answer (RST).
const LINGER: Duration = Duration::from_secs(2);

/// It lasts no longer than this in all.
const LINGER_IN_ALL: Duration = Duration::from_secs(10);

/// And reads no more than this.
const LINGER_BYTES: usize = 64 << 20;

/// A body that nobody wanted and that is no larger is read, if it is there, for the connection's sake.
const SMALL: usize = 64 << 10;

const SLOW_HEADER: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json\r\nconnection: close\r\n\
    content-length: 51\r\n\r\n{\"message\":\"The request was not received in time\"}\n";

const TOO_MANY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\n\
    connection: close\r\ncontent-length: 35\r\n\r\n{\"message\":\"Too many connections\"}\n";

/// A connection that is refused may take so long to hear it.
const REFUSAL: Duration = Duration::from_secs(1);

/// How long a connection may take for what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    header: Duration,
    idle: Duration,
    write: Duration,
}

impl Patience {
    pub(super) fn of(server: &config::Server) -> Self {
        Self { header: server.read_timeout.0, idle: server.keep_alive.0, write: server.write_timeout.0 }
    }

    /// When the current phase has lasted too long. A client that takes nothing of its answer has its own limit, whatever
    /// else goes on: an answer that gets on, however slowly, has none.
    fn deadline(self, clock: &Clock, closing: Option<Instant>) -> Option<Instant> {
        if let Some(since) = clock.stalled() {
            return Some(since + self.write);
        }
        match (clock.phase(), closing) {
            (Phase::Busy, _) => None,
            (Phase::Header, _) => Some(clock.since() + self.header),
            (Phase::Fresh | Phase::Idle, Some(begun)) => Some(begun + FRESH_WHILE_CLOSING),
            (Phase::Fresh | Phase::Idle, _) => Some(clock.since() + self.idle),
        }
    }
}

/// Serves `socket` until the client leaves, takes too long, or `drain` is cancelled and the request in hand is
/// answered.
pub(super) async fn drive(
    socket: TcpStream,
    front: Front,
    patience: Patience,
    counts: Arc<Sockets>,
    drain: CancellationToken,
) {
    // Answers are small and complete; waiting to fill a packet only delays them. Failure costs latency only.
    _ = socket.set_nodelay(true);
    let front = front.of(&socket);
    let clock = Arc::new(Clock::new());
    let io = TokioIo::new(Watched { socket, clock: Arc::clone(&clock) });
    let service = Requests { front, clock: Arc::clone(&clock) };
    let mut connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_buf_size(BUFFER)
        .max_header_size(HEADER)
        .serve_connection(io, service);
    let first = clock.since() + patience.idle;
    let mut watch = pin!(Watch { clock: &clock, patience, closing: None, due: first });
    let mut alarm = pin!(sleep_until(first.into()));
    let mut drained = pin!(drain.cancelled());
    let end = poll_fn(|cx| {
        loop {
            // The error, if any, is the client's: it left, or it did not speak HTTP and has been told so.
            if let Poll::Ready(closed) = Pin::new(&mut connection).poll(cx) {
                if closed.is_err_and(|error| error.is_parse()) {
                    clock.linger();
                }
                return Poll::Ready(End::Closed);
            }
            if watch.closing.is_none() && drained.as_mut().poll(cx).is_ready() {
                watch.closing = Some(Instant::now());
            }
            if watch.closing.is_some() && clock.phase() == Phase::Idle {
                // Closes an idle connection; a busy one closes itself after its answer (`Connection: close`).
                Pin::new(&mut connection).graceful_shutdown();
                if Pin::new(&mut connection).poll(cx).is_ready() {
                    return Poll::Ready(End::Closed);
                }
            }
            ready!(watch.poll_expired(alarm.as_mut(), cx));
            if clock.stalled().is_some() {
                return Poll::Ready(End::NotRead);
            }
            match clock.phase() {
                Phase::Header => return Poll::Ready(End::SlowHeader),
                Phase::Fresh => return Poll::Ready(End::Idle),
                Phase::Busy | Phase::Idle if watch.closing.is_some() => return Poll::Ready(End::Idle),
                // Between two requests the library closes the connection in order.
                Phase::Busy | Phase::Idle => watch.closing = Some(Instant::now()),
            }
        }
    })
    .await;
    let mut socket = connection.into_parts().io.into_inner().socket;
    match end {
        End::SlowHeader => {
            counts.cut_read_timeout.inc();
            if timeout(LINGER, socket.write_all(SLOW_HEADER)).await.is_ok() {
                linger(socket).await;
            }
        }
        End::Closed if clock.lingers() => linger(socket).await,
        End::NotRead => {
            counts.cut_write_timeout.inc();
            // What the kernel still has for this client goes with the connection (RST). Failure costs memory only.
            _ = socket.set_zero_linger();
        }
        End::Closed | End::Idle => {}
    }
}

/// Says that there are too many connections.
pub(super) async fn refuse(mut socket: TcpStream) {
    let say = async {
        if socket.write_all(TOO_MANY).await.is_ok() {
            linger(socket).await;
        }
    };
    _ = timeout(REFUSAL, say).await;
}

enum End {
    Closed,
    SlowHeader,
    NotRead,
    Idle,
}

/// Keeps the alarm at the deadline of the current phase without touching the timer on every request: a phase that
/// may last longer than the alarm's time is looked at when the alarm goes off.
struct Watch<'c> {
    clock: &'c Clock,
    patience: Patience,
    closing: Option<Instant>,
    due: Instant,
}

impl Watch<'_> {
    fn poll_expired(&mut self, mut alarm: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let deadline = self.patience.deadline(self.clock, self.closing);
            if let Some(deadline) = deadline.filter(|deadline| *deadline < self.due) {
                self.rearm(alarm.as_mut(), deadline);
            }
            ready!(alarm.as_mut().poll(cx));
            match deadline {
                Some(deadline) if deadline <= Instant::now() => return Poll::Ready(()),
                Some(deadline) => self.rearm(alarm.as_mut(), deadline),
                None => self.rearm(alarm.as_mut(), Instant::now() + self.patience.idle),
            }
        }
    }

    fn rearm(&mut self, alarm: Pin<&mut Sleep>, due: Instant) {
        self.due = due;
        alarm.reset(due.into());
    }
}

/// Throws away what the client still sends until it has read its answer and closes.
async fn linger(mut socket: TcpStream) {
    let discard = async {
        _ = socket.shutdown().await;
        let mut scrap = vec![0; 16 << 10];
        let mut left = LINGER_BYTES;
        while let Ok(Ok(read @ 1..)) = timeout(LINGER, socket.read(&mut scrap)).await
            && read <= left
        {
            left -= read;
        }
    };
    _ = timeout(LINGER_IN_ALL, discard).await;
}

/// Throws away what has arrived of a body, without waiting for more; whether that was all.
async fn discard(mut body: Incoming) -> bool {
    let mut left = SMALL;
    let mut looked = false;
    while !body.is_end_stream() {
        if usize::try_from(body.size_hint().lower()).is_ok_and(|announced| announced > left) {
            return false;
        }
        match poll_fn(|cx| Poll::Ready(Pin::new(&mut body).poll_frame(cx))).await {
            Poll::Ready(Some(Ok(frame))) => {
                let length = frame.data_ref().map_or(0, Bytes::len);
                if length > left {
                    return false;
                }
                left -= length;
                looked = false;
            }
            Poll::Ready(end) => return end.is_none(),
            Poll::Pending if looked => return false,
            // The library reads on when it has been asked for more, and only after we have waited.
            Poll::Pending => {
                looked = true;
                yield_now().await;
            }
        }
    }
    true
}

struct Requests {
    front: Front,
    clock: Arc<Clock>,
}

impl Service<Request<Incoming>> for Requests {
    type Response = Response<Answer>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.clock.enter(Phase::Busy);
        let (mut front, clock) = (self.front.clone(), Arc::clone(&self.clock));
        Box::pin(async move {
            let has_body = !request.body().is_end_stream();
            // To read such a body is to ask for it.
            let held_back = has_body && request.headers().contains_key(header::EXPECT);
            let request = if has_body {
                request.map(|body| Body::new(Received::new(body, Arc::clone(&clock))))
            } else {
                request.map(|_none| Body::empty())
            };
            let mut response = front.answer(request).await;
            if has_body
                && let Some(rest) = clock.take_unread()
                && (held_back || !discard(rest).await)
            {
                // It would be read as the next request.
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            if response.headers().contains_key(header::CONNECTION) {
                clock.linger();
            } else if front.readiness.is_draining() {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(response.map(|body| Answer { body, clock }))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_raw_answers_announce_their_length() {
        let slow = chassis_http::answer::ServiceError::SlowRequest.to_string();
        for (raw, message) in [(SLOW_HEADER, slow.as_str()), (TOO_MANY, "Too many connections")] {
            let text = std::str::from_utf8(raw).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
            assert_eq!(body, format!("{{\"message\":\"{message}\"}}\n"));
        }
    }
}

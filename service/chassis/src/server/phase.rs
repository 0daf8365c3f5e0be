//! What a connection is doing, and since when.
//!
//! The HTTP library has one timeout for "no complete header", and applies it to idle connections too. Here the two
//! differ by much (10 s against 90 s), so bytes are watched on their way in.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The states of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing has been received yet.
    Fresh,
    /// Between two requests.
    Idle,
    /// Some of a request's header has been received.
    Header,
    /// A request is being received, worked on or answered.
    Busy,
}

impl Phase {
    const ALL: [Self; 4] = [Self::Fresh, Self::Idle, Self::Header, Self::Busy];
}

/// The phase of one connection. Written by the parts of one task only, so the order of memory is no concern.
#[derive(Debug)]
pub(super) struct Clock {
    opened: Instant,
    /// Milliseconds since `opened`, and in the lowest two bits the phase: one word, one store.
    state: AtomicU64,
    /// Since when the socket has been full, as milliseconds since `opened` and one more; 0 when it is not.
    stalled: AtomicU64,
    /// The connection is closed by us while the client may still be sending.
    lingers: AtomicBool,
    /// The rest of a request body that nobody wanted.
    unread: Mutex<Option<Incoming>>,
}

impl Clock {
    pub(super) fn new() -> Self {
        let state = AtomicU64::new(Phase::Fresh as u64);
        Self {
            opened: Instant::now(),
            state,
            stalled: AtomicU64::new(0),
            lingers: AtomicBool::new(false),
            unread: Mutex::default(),
        }
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.state.store(self.millis() << 2 | phase as u64, Relaxed);
    }

    pub(super) fn phase(&self) -> Phase {
        Phase::ALL[(self.state.load(Relaxed) & 3) as usize]
    }

    /// When the current phase began.
    pub(super) fn since(&self) -> Instant {
        self.opened + Duration::from_millis(self.state.load(Relaxed) >> 2)
    }

    pub(super) fn linger(&self) {
        self.lingers.store(true, Relaxed);
    }

    pub(super) fn lingers(&self) -> bool {
        self.lingers.load(Relaxed)
    }

    /// What is left of the body of the request that was just answered.
    pub(super) fn take_unread(&self) -> Option<Incoming> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Since when the client has taken nothing of what waits for it; `None` while nothing waits.
    pub(super) fn stalled(&self) -> Option<Instant> {
        let millis = self.stalled.load(Relaxed).checked_sub(1)?;
        Some(self.opened + Duration::from_millis(millis))
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX >> 2)
    }

    fn wrote(&self, full: bool) {
        if !full {
            self.stalled.store(0, Relaxed);
        } else if self.stalled.load(Relaxed) == 0 {
            self.stalled.store(self.millis() + 1, Relaxed);
        }
    }
}

/// A socket that tells the clock when a request begins to arrive, and when an answer gets no further.
#[derive(Debug)]
pub(super) struct Watched<S> {
    pub socket: S,
    pub clock: Arc<Clock>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.socket).poll_read(cx, buffer);
        if buffer.filled().len() > before && matches!(self.clock.phase(), Phase::Fresh | Phase::Idle) {
            self.clock.enter(Phase::Header);
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> Watched<S> {
    fn note<T>(&self, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.clock.wrote(result.is_pending());
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.note(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.socket).poll_write_vectored(cx, parts);
        self.note(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

/// A request body that leaves with the clock what nobody has read of it.
pub(super) struct Received {
    body: Option<Incoming>,
    clock: Arc<Clock>,
}

impl Received {
    pub(super) fn new(body: Incoming, clock: Arc<Clock>) -> Self {
        Self { body: Some(body), clock }
    }
}

impl HttpBody for Received {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        if frame.is_none() {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or(SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) {
            *self.clock.unread.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        }
    }
}

/// A response body that tells the clock when it has been handed over.
pub(super) struct Answer {
    pub body: Body,
    pub clock: Arc<Clock>,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.clock.enter(Phase::Idle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stall_begins_with_the_first_full_socket_and_ends_with_the_next_byte() {
        use tokio::io::AsyncWriteExt;
        let clock = Arc::new(Clock::new());
        let (near, mut far) = tokio::io::duplex(4);
        let mut socket = Watched { socket: near, clock: Arc::clone(&clock) };
        socket.write_all(b"1234").await.unwrap();
        assert_eq!(clock.stalled(), None);
        let mut more = four_more(socket);
        for _ in 0..2 {
            assert!(futures::FutureExt::now_or_never(&mut more).is_none());
        }
        let since = clock.stalled().unwrap();
        assert!(since <= Instant::now());
        tokio::io::AsyncReadExt::read_exact(&mut far, &mut [0; 4]).await.unwrap();
        more.await;
        assert_eq!(clock.stalled(), None);
    }

    /// Four more bytes.
    fn four_more(mut socket: Watched<tokio::io::DuplexStream>) -> Pin<Box<dyn Future<Output = ()>>> {
        Box::pin(async move { tokio::io::AsyncWriteExt::write_all(&mut socket, b"5678").await.unwrap() })
    }

    #[tokio::test]
    async fn bytes_begin_a_request_only_between_requests() {
        use tokio::io::AsyncReadExt;
        let clock = Arc::new(Clock::new());
        let mut socket = Watched { socket: &b"GET / HTTP/1.1"[..], clock: Arc::clone(&clock) };
        let mut buffer = [0; 4];
        assert_eq!(clock.phase(), Phase::Fresh);
        socket.read_exact(&mut buffer).await.unwrap();
        assert_eq!(clock.phase(), Phase::Header);
        clock.enter(Phase::Busy);
        socket.read_exact(&mut buffer).await.unwrap();
        assert_eq!(clock.phase(), Phase::Busy, "part of a body");
        drop(Answer { body: Body::empty(), clock: Arc::clone(&clock) });
        assert_eq!(clock.phase(), Phase::Idle);
    }
}

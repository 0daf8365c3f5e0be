//! Accepts connections.

use std::{
    io,
    net::SocketAddr,
    os::fd::{AsRawFd, RawFd},
    sync::Arc,
    time::Duration,
};

use chassis_config::Listen;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    connection::{self, Patience},
    descriptors,
    front::Front,
    metrics::Sockets,
};
use crate::config;

/// Pause after an accept that failed for want of resources (file descriptors): they come back as connections end.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// How much of its answers a connection may have in the kernel unsent. With the megabytes that it would take, each
/// client that does not read costs that much, and one that reads slowly is seen to take something only now and then.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 128 << 10;

/// Refused connections that are open for a moment, to be told why.
const REFUSALS: usize = 16;

/// Everything a new connection needs, and the handles by which all of them are ended.
#[derive(Clone)]
pub(super) struct Connections {
    pub front: Front,
    pub patience: Patience,
    pub counts: Arc<Sockets>,
    pub room: Room,
    /// Ends each connection after the request it has in hand.
    pub drain: CancellationToken,
    /// Ends each connection at once.
    pub cut: CancellationToken,
    pub open: TaskTracker,
}

impl Connections {
    pub(super) fn new(front: Front, patience: Patience, counts: Arc<Sockets>, room: Room) -> Self {
        let (drain, cut) = (CancellationToken::new(), CancellationToken::new());
        Self { front, patience, counts, room, drain, cut, open: TaskTracker::new() }
    }

    fn begin(&self, socket: TcpStream) {
        let refused = if self.open.len() >= self.room.connections {
            Some(&self.counts.refused_max)
        } else if socket.as_raw_fd() >= self.room.descriptors {
            Some(&self.counts.refused_descriptors)
        } else {
            None
        };
        if let Some(refused) = refused {
            refused.inc();
            return self.room.refuse(socket);
        }
        let Self { front, patience, counts, drain, cut, open, .. } = self.clone();
        open.spawn(async move {
            counts.open.inc();
            let drive = connection::drive(socket, front, patience, Arc::clone(&counts), drain);
            cut.run_until_cancelled(drive).await;
            counts.open.dec();
        });
    }
}

/// How many connections a listener takes.
#[derive(Clone)]
pub(super) struct Room {
    connections: usize,
    /// The first descriptor that is not for connections.
    descriptors: RawFd,
    /// For those that hear why they are refused; the others are only closed.
    refusals: Arc<Semaphore>,
}

impl Room {
    pub(super) fn of(server: &config::Server) -> Self {
        Self { connections: server.max_connections.0, descriptors: descriptors::end(), ..Self::unlimited() }
    }

    pub(super) fn unlimited() -> Self {
        let refusals = Arc::new(Semaphore::new(REFUSALS));
        Self { connections: usize::MAX, descriptors: RawFd::MAX, refusals }
    }

    fn refuse(&self, socket: TcpStream) {
        if let Ok(permit) = Arc::clone(&self.refusals).try_acquire_owned() {
            tokio::spawn(async move {
                connection::refuse(socket).await;
                drop(permit);
            });
        }
    }
}

/// Accepts until `stop` is cancelled, then takes what the kernel has accepted already, and closes the listener.
///
/// Several tasks accept from the one listener, so that a burst of new connections does not wait for one task's turn;
/// a listener per thread would bind connections to threads, and requests would wait on a busy one beside an idle one.
pub(super) async fn serve(
    listener: TcpListener,
    acceptors: usize,
    connections: Connections,
    stop: CancellationToken,
) {
    let listener = Arc::new(listener);
    let mut tasks = JoinSet::new();
    for _ in 0..acceptors {
        let (listener, connections, stop) = (Arc::clone(&listener), connections.clone(), stop.clone());
        tasks.spawn(async move { stop.run_until_cancelled(accept(&listener, &connections)).await });
    }
    tasks.join_all().await;
    if let Some(listener) = Arc::into_inner(listener) {
        take_backlog(listener, &connections).unwrap_or_else(|error| {
            tracing::warn!("connections in the backlog are lost: {error}");
        });
    }
}

async fn accept(listener: &TcpListener, connections: &Connections) {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => connections.begin(socket),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!("no connection accepted: {error}");
                sleep(EXHAUSTED).await;
            }
        }
    }
}

/// Connections whose handshake is done would be reset with the listener.
fn take_backlog(listener: TcpListener, connections: &Connections) -> io::Result<()> {
    let listener = listener.into_std()?;
    loop {
        match listener.accept() {
            Ok((socket, _)) => {
                socket.set_nonblocking(true)?;
                connections.begin(TcpStream::from_std(socket)?);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Binds `host:port`.
pub(super) async fn bind(listen: &Listen) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((listen.host.as_str(), listen.port)).await?;
    // Connections have it from their listener. Failure costs memory, and slow readers their patience.
    #[cfg(target_os = "linux")]
    let _ = socket2::SockRef::from(&listener).set_tcp_notsent_lowat(UNSENT);
    let address = listener.local_addr()?;
    Ok((listener, address))
}

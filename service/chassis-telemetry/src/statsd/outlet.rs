//! The socket that datagrams leave by.

use std::{
    cell::RefCell,
    io::{self, ErrorKind},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use prometheus::IntCounter;

use super::Update;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Closed until push mode opens it. Sending never waits: what the network does not take at once is counted as lost.
pub(crate) struct Outlet {
    /// Whether counters send each update.
    each: AtomicBool,
    socket: RwLock<Option<(UdpSocket, SocketAddr)>>,
    sent: IntCounter,
    lost: IntCounter,
}

impl Outlet {
    pub(crate) fn new(sent: IntCounter, lost: IntCounter) -> Self {
        Self { each: AtomicBool::new(false), socket: RwLock::new(None), sent, lost }
    }

    /// From now on counters send each update.
    pub(super) fn send_each(&self) {
        self.each.store(true, Relaxed);
    }

    /// Whether `address` is where datagrams go.
    pub(super) fn is_aimed_at(&self, address: SocketAddr) -> bool {
        let socket = self.socket.read().unwrap_or_else(PoisonError::into_inner);
        socket.as_ref().is_some_and(|(_, aim)| *aim == address)
    }

    /// Sends to `address` from now on.
    pub(super) fn aim(&self, address: SocketAddr) -> io::Result<()> {
        let any = match address {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let socket = UdpSocket::bind(any)?;
        socket.set_nonblocking(true)?;
        // The kernel then looks the route up once.
        socket.connect(address)?;
        *self.socket.write().unwrap_or_else(PoisonError::into_inner) = Some((socket, address));
        Ok(())
    }

    pub(crate) fn one(&self, update: &Update) {
        if self.each.load(Relaxed) {
            self.send(update.one());
        }
    }

    pub(crate) fn many(&self, update: &Update, count: u64) {
        if self.each.load(Relaxed) {
            BUFFER.with_borrow_mut(|buffer| {
                update.many(count, buffer);
                self.send(buffer);
            });
        }
    }

    pub(super) fn send(&self, datagram: &[u8]) {
        let socket = self.socket.read().unwrap_or_else(PoisonError::into_inner);
        let sent = socket.as_ref().is_some_and(|(socket, _)| match socket.send(datagram) {
            // This tells of the datagram before, and the one at hand has not been sent.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                self.lost.inc();
                socket.send(datagram).is_ok()
            }
            sent => sent.is_ok(),
        });
        if sent { self.sent.inc() } else { self.lost.inc() }
    }

    /// Datagrams that could not be sent, or were refused, so far.
    pub(super) fn lost(&self) -> u64 {
        let socket = self.socket.read().unwrap_or_else(PoisonError::into_inner);
        // Else only the next one would tell what became of the last.
        if socket.as_ref().is_some_and(|(socket, _)| matches!(socket.take_error(), Ok(Some(_)))) {
            self.lost.inc();
        }
        self.lost.get()
    }
}

//! What is at the other end on a bad day.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
    time::timeout,
};

/// How it is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Badness {
    /// Nobody listens.
    Away,
    /// Takes connections, and says nothing.
    Slow,
    /// Answers that it does not want to.
    Refusing,
}

/// A port with nobody good behind it.
pub struct Peer {
    pub address: SocketAddr,
    /// Keeps the port of one who is away from others.
    _taken: Option<TcpSocket>,
    _serving: JoinSet<()>,
}

impl Peer {
    /// `refusal`: what one who refuses says, to a client that speaks first and to one that waits.
    pub fn start(badness: Badness, refusal: &'static [u8]) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = socket.local_addr().unwrap();
        let mut serving = JoinSet::new();
        if badness == Badness::Away {
            return Self { address, _taken: Some(socket), _serving: serving };
        }
        let listener = socket.listen(64).unwrap();
        let refusal = (badness == Badness::Refusing).then_some(refusal);
        serving.spawn(serve(listener, refusal));
        Self { address, _taken: None, _serving: serving }
    }
}

async fn serve(listener: TcpListener, refusal: Option<&'static [u8]>) {
    let mut open = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        open.spawn(async move {
            match refusal {
                Some(refusal) => refuse(client, refusal).await,
                None => std::future::pending().await,
            }
        });
    }
}

async fn refuse(mut client: TcpStream, refusal: &'static [u8]) {
    // One who waits to be spoken to says nothing for longer than this.
    _ = timeout(Duration::from_millis(50), client.read(&mut [0; 4096])).await;
    // It may have left by then.
    _ = client.write_all(refusal).await;
}

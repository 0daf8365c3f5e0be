//! Listeners, workers and limits.

use chassis_config::{ByteSize, Count, Listen, Reader, Timeout, Value, section};

use super::Networks;

section! {
    /// The section `server`.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Server in "server", fn keys;
    /// The service port.
    listen: Listen = Listen::any(8080),
        above_file ["PYMICRO", "PYMICRO_SERVER", ("HOSTING_PORT" => on_port), ("SERVER_HOST" and "SERVER_PORT" => at)],
        in_file ["server.pymicro", "server.pymicro_server", ("hosting.port" => on_port), ("HOST" and "PORT" => at)],
        below_file [("PORT" => on_port)];
    /// Probes, metrics and the state of the workers.
    admin: Listen = Listen::any(9090);
    // What the platform gives at start; the file is what changes while the service runs.
    /// Worker slots.
    workers: Count = Count::new(4), below_file ["PYMICRO_CONCURRENCY", "WEB_CONCURRENCY"], @live;
    /// Requests one worker has in hand at a time.
    requests_per_worker: Count = Count::new(1), below_file ["PYMICRO_GEVENT"], @live;
    /// How long a request may wait for a worker, and how long its handler may take once it has one: a handler that
    /// starts late has its whole time, for one that is cut short has worked in vain.
    timeout: Timeout = Timeout::seconds(60), above_file ["PYMICRO_TIMEOUT"];
    /// For the headers of a request, and between two pieces of its body; the whole body has
    /// [`timeout`](Self::timeout).
    read_timeout: Timeout = Timeout::seconds(10);
    /// How long a client may take nothing of an answer that waits for it. A slow but steady reader has all the time it
    /// needs.
    write_timeout: Timeout = Timeout::seconds(10);
    /// How long an idle connection stays open: longer than the 75 s for which nginx keeps one, else
    /// nginx sends a request into a connection that is being closed.
    keep_alive: Timeout = Timeout::seconds(90);
    /// Largest request body.
    max_body: ByteSize = ByteSize(1 << 20);
    /// What the bodies of all requests in hand may take together beyond the first piece of each, which has its
    /// connection's buffer of 64 KiB; never less than one body of [`max_body`](Self::max_body).
    body_budget: ByteSize = ByteSize(32 << 20);
    /// Connections of the service port. Those beyond get a 503 and are closed, and so do
    /// those for which the process has too few file descriptors left.
    max_connections: Connections = Connections(10_000);
    /// How long a shutdown waits for requests that are queued or worked on.
    drain_timeout: Timeout = Timeout::seconds(30);
    /// Proxies whose `X-Forwarded-Proto` is believed when links are made.
    trusted_proxies: Networks = Networks::loopback();
    /// Whether `X-Forwarded-Host` and `-Prefix` of these proxies are believed as well: many proxies pass
    /// on what a stranger has written there, and links would lead to the stranger.
    trust_forwarded: bool = false;
}

impl Server {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let server = Self::keys(reader);
        if server.listen.clashes_with(&server.admin) {
            let reason = format!("both are {}; give them different ports", server.admin);
            reader.problem("server.listen and server.admin", reason);
        }
        server
    }
}

/// 1 to 1048576 connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections(pub usize);

impl Value for Connections {
    const WRITE: &'static str = "a whole number from 1 to 1048576";

    fn parse(text: &str) -> Option<Self> {
        let connections: usize = text.trim().parse().ok()?;
        (1..=1 << 20).contains(&connections).then_some(Self(connections))
    }

    fn text(&self) -> String {
        self.0.to_string()
    }
}

/// All addresses of the machine, as a URL.
fn on_port(port: &str) -> String {
    at([None, Some(port)])
}

/// A host and a port (contract 5.10.36), as a URL.
fn at([host, port]: [Option<&str>; 2]) -> String {
    format!("http://{}:{}", host.unwrap_or("0.0.0.0"), port.unwrap_or("8080"))
}

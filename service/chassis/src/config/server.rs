//! Listeners, workers and limits.

use chassis_config::{ByteSize, Count, Legacy, Listen, Reader, Timeout};

use super::Networks;

/// The section `server`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The service port. Default `http://0.0.0.0:8080`.
    pub listen: Listen,
    /// Probes, metrics and the state of the workers. Default `http://0.0.0.0:9090`.
    pub admin: Listen,
    /// Worker slots, 1 to 1024, default 4; live.
    pub workers: Count,
    /// Requests one worker has in hand at a time, 1 to 1024, default 1; live.
    pub requests_per_worker: Count,
    /// How long a request may wait for a worker, and how long its handler may take once it has one: a handler that
    /// starts late has its whole time, for one that is cut short has worked in vain. Default 60 s.
    pub timeout: Timeout,
    /// For the headers of a request, and between two pieces of its body; the whole body has
    /// [`timeout`](Self::timeout). Default 10 s.
    pub read_timeout: Timeout,
    /// How long an idle connection stays open. Default 90 s: longer than the 75 s for which nginx keeps one, else
    /// nginx sends a request into a connection that is being closed.
    pub keep_alive: Timeout,
    /// Largest request body. Default 1 MiB.
    pub max_body: ByteSize,
    /// How long a shutdown waits for requests that are queued or worked on. Default 30 s.
    pub drain_timeout: Timeout,
    /// Proxies whose `X-Forwarded-Proto`, `-Host` and `-Prefix` are believed when links are made. Default: those of
    /// the same machine or pod.
    pub trusted_proxies: Networks,
}

impl Server {
    pub(super) fn read(reader: &mut Reader) -> Self {
        const LISTEN: &[Legacy] = &[
            Legacy::same("PYMICRO"),
            Legacy::same("PYMICRO_SERVER"),
            Legacy::rewritten("HOSTING_PORT", on_port),
            Legacy::pair(["SERVER_HOST", "SERVER_PORT"], at),
        ];
        const LISTEN_IN_FILE: &[Legacy] = &[
            Legacy::same("server.pymicro"),
            Legacy::same("server.pymicro_server"),
            Legacy::rewritten("hosting.port", on_port),
            Legacy::pair(["HOST", "PORT"], at),
        ];
        const PORT: &[Legacy] = &[Legacy::rewritten("PORT", on_port)];
        // What the platform gives at start; the file is what changes while the service runs.
        const WORKERS: &[Legacy] = &[Legacy::same("PYMICRO_CONCURRENCY"), Legacy::same("WEB_CONCURRENCY")];
        const PER_WORKER: &[Legacy] = &[Legacy::same("PYMICRO_GEVENT")];
        const TIMEOUT: &[Legacy] = &[Legacy::same("PYMICRO_TIMEOUT")];
        let server = Self {
            listen: reader
                .key("server.listen")
                .above_file(LISTEN)
                .in_file(LISTEN_IN_FILE)
                .below_file(PORT)
                .or(Listen::any(8080)),
            admin: reader.key("server.admin").or(Listen::any(9090)),
            workers: reader.key("server.workers").below_file(WORKERS).live().or(Count::new(4)),
            requests_per_worker: reader
                .key("server.requests_per_worker")
                .below_file(PER_WORKER)
                .live()
                .or(Count::new(1)),
            timeout: reader.key("server.timeout").above_file(TIMEOUT).or(Timeout::seconds(60)),
            read_timeout: reader.key("server.read_timeout").or(Timeout::seconds(10)),
            keep_alive: reader.key("server.keep_alive").or(Timeout::seconds(90)),
            max_body: reader.key("server.max_body").or(ByteSize(1 << 20)),
            drain_timeout: reader.key("server.drain_timeout").or(Timeout::seconds(30)),
            trusted_proxies: reader.key("server.trusted_proxies").or(Networks::loopback()),
        };
        if server.listen.clashes_with(&server.admin) {
            let reason = format!("both are {}; give them different ports", server.admin);
            reader.problem("server.listen and server.admin", reason);
        }
        server
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

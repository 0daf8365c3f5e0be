use serde::{Deserialize, Serialize};

/// Where `e2e-client load` listens to be told to end.
pub const STOP_PORT: u16 = 8099;

/// One stream of requests, as `e2e-client load` takes it.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// Where to, such as `http://hello/microservice`.
    pub url: String,
    /// `GET` or `POST`.
    pub method: String,
    /// Body of each request.
    pub data: String,
    /// Connections at a time; each has at most one request on its way.
    pub connections: u32,
    /// Requests in all.
    pub requests: u64,
    /// false: a new connection for every request.
    pub keepalive: bool,
    /// Requests per second, over all connections: each is due at its own time, whatever became of
    /// those before it. None: each connection sends when it has its answer.
    pub rate: Option<u32>,
    /// Goes on after that number of requests until it is told to end.
    pub until_told: bool,
    /// Seconds until an answer must be complete.
    pub timeout: u64,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            url: String::new(),
            method: "POST".into(),
            data: "{}".into(),
            connections: 16,
            requests: 1000,
            keepalive: true,
            rate: None,
            until_told: false,
            timeout: 30,
        }
    }
}

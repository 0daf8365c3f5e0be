//! A collector that keeps what it is sent, and can be told to refuse it.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering::SeqCst},
    },
};

use axum::{
    body::Bytes,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use chassis::App;
use serde_json::Value;

use super::running::Running;

type Received = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

pub struct Collector {
    pub running: Running,
    received: Received,
    status: Arc<AtomicU16>,
}

impl Collector {
    /// Takes what is posted to `path`.
    pub async fn start(path: &str) -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), path).await
    }

    pub async fn start_at(address: SocketAddr, path: &str) -> Self {
        let (received, status) = (Received::default(), Arc::new(AtomicU16::new(202)));
        let (keep, answer) = (Arc::clone(&received), Arc::clone(&status));
        let handler = post(async move |headers: HeaderMap, body: Bytes| {
            let status = StatusCode::from_u16(answer.load(SeqCst)).unwrap();
            if status.is_success() {
                keep.lock().unwrap().push((headers, body));
            }
            (status, "said the collector")
        });
        let listen = format!("http://{address}");
        let app = App::new().unwrap().route(path, handler);
        let running = Running::with(&[("CHASSIS_SERVER__LISTEN", &listen)], app).await;
        Self { running, received, status }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.running.service)
    }

    /// What it answers from now on.
    pub fn answers(&self, status: u16) {
        self.status.store(status, SeqCst);
    }

    pub fn received(&self) -> Vec<(HeaderMap, Bytes)> {
        self.received.lock().unwrap().clone()
    }

    /// All spans of Zipkin's formats.
    pub fn spans(&self) -> Vec<Value> {
        let bodies = self.received();
        bodies.iter().flat_map(|(_, body)| serde_json::from_slice::<Vec<Value>>(body).unwrap()).collect()
    }
}

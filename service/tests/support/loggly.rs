//! Loggly's bulk endpoint as its documentation has it, and strict: `POST /bulk/TOKEN/tag/TAG/`, lines of at most 1 MB
//! with line breaks between them, at most 5 MB of them, text or JSON. It cannot be run here, and it takes anything.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering::SeqCst},
};

use axum::{
    Json,
    body::Bytes,
    extract::Path,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use chassis::App;
use serde_json::json;

use super::running::Running;

pub const TOKEN: &str = "0b5e1c7a-geheim-token";

const MAX_BATCH: usize = 5_000_000;
const MAX_EVENT: usize = 1_000_000;

/// The content type and the lines.
type Batch = (String, Vec<String>);

#[derive(Clone, Default)]
struct State {
    batches: Arc<Mutex<Vec<Batch>>>,
    /// What it answers instead of taking a batch; 0 for nothing.
    refusal: Arc<AtomicU16>,
    /// Batches are received, and nothing becomes of them.
    mute: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    /// What was against the rules.
    faults: Arc<Mutex<Vec<String>>>,
}

pub struct Loggly {
    state: State,
    running: Running,
}

impl Loggly {
    pub async fn start() -> Self {
        let state = State::default();
        let taking = state.clone();
        let take =
            async move |Path((token, _tag)): Path<(String, String)>, headers: HeaderMap, body: Bytes| {
                taking.asked.fetch_add(1, SeqCst);
                let refusal = taking.refusal.load(SeqCst);
                if refusal > 0 {
                    return StatusCode::from_u16(refusal).unwrap().into_response();
                }
                if token != TOKEN {
                    return StatusCode::FORBIDDEN.into_response();
                }
                if taking.mute.load(SeqCst) {
                    std::future::pending::<Response>().await;
                }
                match batch(&headers, &body) {
                    Ok(batch) => taking.batches.lock().unwrap().push(batch),
                    Err(fault) => {
                        taking.faults.lock().unwrap().push(fault);
                        return StatusCode::BAD_REQUEST.into_response();
                    }
                }
                Json(json!({ "response": "ok" })).into_response()
            };
        let app = App::new().unwrap().route("/bulk/{token}/tag/{tag}/", post(take));
        let large = [("CHASSIS_SERVER__MAX_BODY", "16Mi"), ("WEB_CONCURRENCY", "16")];
        Self { state, running: Running::with(&large, app).await }
    }

    pub fn url(&self) -> String {
        format!("http://{}/bulk/{TOKEN}/tag/bulk/", self.running.service)
    }

    /// From now on; 200 takes them again.
    pub fn answers(&self, status: u16) {
        self.state.refusal.store(if status == 200 { 0 } else { status }, SeqCst);
    }

    /// Receives batches, and neither takes nor answers them.
    pub fn is_mute(&self, mute: bool) {
        self.state.mute.store(mute, SeqCst);
    }

    pub fn asked(&self) -> usize {
        self.state.asked.load(SeqCst)
    }

    /// What was taken.
    pub fn batches(&self) -> Vec<Batch> {
        self.state.batches.lock().unwrap().clone()
    }

    /// What was against the rules, and so not taken.
    pub fn faults(&self) -> Vec<String> {
        self.state.faults.lock().unwrap().clone()
    }

    pub fn lines(&self) -> Vec<String> {
        self.batches().into_iter().flat_map(|(_, lines)| lines).collect()
    }

    /// How often a line with `part` has come.
    pub fn count(&self, part: &str) -> usize {
        self.lines().iter().filter(|line| line.contains(part)).count()
    }
}

fn batch(headers: &HeaderMap, body: &Bytes) -> Result<Batch, String> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !["application/json", "text/plain"].contains(&kind) {
        return Err(format!("content type {kind:?}"));
    }
    if body.is_empty() || body.len() > MAX_BATCH {
        return Err(format!("{} bytes", body.len()));
    }
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    let lines: Vec<_> = text.split('\n').map(str::to_owned).collect();
    match lines.iter().find(|line| line.is_empty() || line.len() > MAX_EVENT) {
        Some(line) => Err(format!("an event of {} bytes", line.len())),
        None => Ok((kind.to_owned(), lines)),
    }
}

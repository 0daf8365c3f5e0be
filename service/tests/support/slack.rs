//! Slack's `chat.postMessage`, as strict as its documentation says.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering::SeqCst},
};

use axum::{
    Json,
    body::Bytes,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use chassis::App;
use serde_json::{Value, json};

use super::running::Running;

pub const TOKEN: &str = "xoxb-open-sesame";
pub const CHANNEL: &str = "notifications";

#[derive(Default)]
struct State {
    taken: Mutex<Vec<Value>>,
    /// So many requests are too many.
    limited: AtomicU32,
    /// What every request is refused with.
    outage: Mutex<Option<&'static str>>,
}

pub struct Slack {
    running: Running,
    state: Arc<State>,
}

impl Slack {
    pub async fn start() -> Self {
        let state = Arc::<State>::default();
        let shared = Arc::clone(&state);
        let handler = post(async move |headers: HeaderMap, body: Bytes| shared.answer(&headers, &body));
        let app = App::new().unwrap().route("/api/chat.postMessage", handler);
        Self { running: Running::with(&[], app).await, state }
    }

    /// The section `notify.slack` for it, as JSON.
    pub fn section(&self) -> Value {
        let url = format!("http://{}/api", self.running.service);
        json!({ "enabled": true, "token": TOKEN, "url": url })
    }

    pub fn posts(&self) -> Vec<Value> {
        self.state.taken.lock().unwrap().clone()
    }

    pub fn limits(&self, requests: u32) {
        self.state.limited.store(requests, SeqCst);
    }

    pub fn limits_left(&self) -> u32 {
        self.state.limited.load(SeqCst)
    }

    pub fn refuses(&self, error: Option<&'static str>) {
        *self.state.outage.lock().unwrap() = error;
    }
}

impl State {
    fn answer(&self, headers: &HeaderMap, body: &Bytes) -> Response {
        if self.limited.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok() {
            let error = Json(json!({ "ok": false, "error": "ratelimited" }));
            return (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "1")], error).into_response();
        }
        let refusal = self.refusal(headers, body);
        let verdict = refusal.map_or(
            json!({ "ok": true, "channel": "C1", "ts": "1.2" }),
            |error| json!({ "ok": false, "error": error }),
        );
        if refusal.is_none() {
            self.taken.lock().unwrap().push(serde_json::from_slice(body).unwrap());
        }
        Json(verdict).into_response()
    }

    /// An error of the documentation's list, with status 200 as the API has it.
    fn refusal(&self, headers: &HeaderMap, body: &Bytes) -> Option<&'static str> {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let authorization = header(header::AUTHORIZATION);
        if let Some(error) = *self.outage.lock().unwrap() {
            return Some(error);
        }
        if authorization.is_empty() {
            return Some("not_authed");
        }
        if authorization != format!("Bearer {TOKEN}") {
            return Some("invalid_auth");
        }
        match header(header::CONTENT_TYPE) {
            "application/json; charset=utf-8" => {}
            json if json.starts_with("application/json") => return Some("missing_charset"),
            _ => return Some("invalid_post_type"),
        }
        let Ok(Value::Object(post)) = serde_json::from_slice(body) else { return Some("invalid_json") };
        let text = |name: &str| post.get(name).map(|value| value.as_str().unwrap_or_default());
        let known = ["channel", "text", "username", "icon_emoji"];
        if post.iter().any(|(name, value)| !known.contains(&name.as_str()) || !value.is_string()) {
            return Some("invalid_arguments");
        }
        let icon = text("icon_emoji").unwrap_or(":x:");
        match (text("channel"), text("text").filter(|text| !text.is_empty())) {
            (Some(CHANNEL), Some(text)) if text.chars().count() > 4000 => Some("msg_too_long"),
            (Some(CHANNEL), Some(_)) if !(icon.starts_with(':') && icon.ends_with(':')) => {
                Some("invalid_arguments")
            }
            (Some(CHANNEL), Some(_)) => None,
            (Some(CHANNEL), None) => Some("no_text"),
            _ => Some("channel_not_found"),
        }
    }
}

//! Whether the service should get requests, and what it says of itself.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    http::StatusCode,
    response::Response,
    routing::{MethodRouter, get},
};
use chassis_db::Database;
use chassis_http::answer::json_line;
use chassis_telemetry::config::Identity;
use serde_json::json;

/// Gates of readiness. Readiness says what stands against it; liveness depends on nothing.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    started: AtomicBool,
    draining: AtomicBool,
    gates: Mutex<Vec<Arc<Gate>>>,
    database: Option<Database>,
}

/// Something that requests have to wait for.
#[derive(Debug)]
pub(crate) struct Gate {
    reason: &'static str,
    open: AtomicBool,
}

impl Gate {
    pub(crate) fn open(&self) {
        self.open.store(true, Ordering::Relaxed);
    }
}

impl Readiness {
    /// Not before the database is there, if there is to be one.
    pub(crate) fn new(database: Option<Database>) -> Self {
        Self { database, ..Self::default() }
    }

    /// A gate that stands against readiness, as `reason`, until it is opened.
    pub(crate) fn gate(&self, reason: &'static str) -> Arc<Gate> {
        let gate = Arc::new(Gate { reason, open: AtomicBool::new(false) });
        self.gates.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&gate));
        gate
    }

    pub(crate) fn start(&self) {
        self.started.store(true, Ordering::Relaxed);
    }

    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    fn is_started(&self) -> bool {
        self.started.load(Ordering::Relaxed)
    }

    /// Why the service should get no requests; empty when it should.
    fn reasons(&self) -> Vec<String> {
        let gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let closed = gates.iter().map(|gate| (gate.reason, !gate.open.load(Ordering::Relaxed)));
        let reasons = [("starting", !self.is_started()), ("draining", self.is_draining())];
        let own =
            reasons.into_iter().chain(closed).filter(|(_, holds)| *holds).map(|(name, _)| name.to_owned());
        own.chain(self.database.as_ref().and_then(Database::reason)).collect()
    }
}

/// `GET /livez`: 200 as long as the process answers.
pub(crate) fn livez() -> MethodRouter {
    get(async || json_line(StatusCode::OK, &json!({ "alive": true })))
}

/// `GET /startupz`: 200 once the service port is served.
pub(crate) fn startupz(readiness: Arc<Readiness>) -> MethodRouter {
    get(async move || {
        let started = readiness.is_started();
        answer(started, &json!({ "started": started }))
    })
}

/// `GET /readyz`: 200, or 503 with the reasons: `starting`, `draining`, that of a [`Gate`], or what is wrong with the
/// database.
pub(crate) fn readyz(readiness: Arc<Readiness>) -> MethodRouter {
    get(async move || {
        let reasons = readiness.reasons();
        answer(reasons.is_empty(), &json!({ "ready": reasons.is_empty(), "reasons": reasons }))
    })
}

/// `GET /status`: name and version, and with a database the last migration or null, without any envelope
/// (contract 4.1). Answered from memory.
pub(crate) fn status(identity: &Identity, database: Option<Database>) -> MethodRouter {
    let body = json!({ "name": identity.name, "version": identity.version });
    get(async move || {
        let mut body = body.clone();
        if let Some(database) = database {
            body["last_migration"] = database.last_migration().into();
        }
        json_line(StatusCode::OK, &body)
    })
}

fn answer(good: bool, body: &serde_json::Value) -> Response {
    json_line(if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_says_what_stands_against_it() {
        let readiness = Readiness::default();
        let gate = readiness.gate("keys");
        assert_eq!(readiness.reasons(), ["starting", "keys"]);
        gate.open();
        assert_eq!(readiness.reasons(), ["starting"]);
        readiness.start();
        assert!(readiness.reasons().is_empty());
        readiness.drain();
        assert_eq!(readiness.reasons(), ["draining"]);
    }
}

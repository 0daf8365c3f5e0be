use serde::Deserialize;

use crate::api::MicroserviceSpec;

/// Workers and requests per worker.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Workers {
    /// Number of workers.
    pub workers: i32,
    /// Requests that each may interleave.
    pub requests_per_worker: i32,
}

impl Workers {
    /// What the spec asks for.
    pub fn wanted(spec: &MicroserviceSpec) -> Self {
        Self { workers: spec.concurrency, requests_per_worker: spec.requests_per_worker }
    }
}

/// What a pod said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It runs so many.
    Runs(Workers),
    /// Its image has no answer to the question: it takes the number when it starts.
    Unsupported,
    /// It could not be asked.
    Unreachable,
}

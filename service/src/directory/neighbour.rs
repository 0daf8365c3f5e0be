//! Who knows about cities or about roles: this process, or another service.

use chassis::{
    App,
    answer::{Failure, ServiceError},
    client::{CallError, Upstream},
    config,
    db::Database,
    trace::{Kind, Span},
};
use serde::Serialize;
use serde_json::Value;

/// One of the two. Both are a client span of the trace.
#[derive(Debug, Clone)]
pub(super) enum Neighbour {
    Here(&'static str, Database),
    There(Upstream),
}

impl Neighbour {
    /// The upstream if it has a URL, else this process if it is `here`.
    pub(super) fn new(
        app: &App,
        config: &config::Upstream,
        here: bool,
        database: &Database,
    ) -> Result<Self, CallError> {
        if here && config.url.is_none() {
            return Ok(Self::Here(config.name, database.clone()));
        }
        app.upstream(config).map(Self::There)
    }

    /// The thing at `path`, by `look` where it is in this process; `None` when there is none.
    pub(super) async fn find<T: Serialize>(
        &self,
        path: String,
        look: impl AsyncFnOnce(&Database) -> Result<Option<T>, ServiceError>,
    ) -> Result<Option<Value>, ServiceError> {
        match self {
            Self::Here(name, database) => {
                let mut span = Span::begin(Kind::Client, "get").component(*name);
                span.tag("http.path", path);
                let found = span.run(look(database)).await?;
                found.map(serde_json::to_value).transpose().map_err(|error| {
                    tracing::error!("{error}");
                    ServiceError::Internal
                })
            }
            Self::There(upstream) => {
                let found = upstream.get(path).send().await.and_then(|answer| answer.found());
                found.map_err(|error| refused(&error).into())
            }
        }
    }
}

/// 502 or 504 (contract 5.12); the reason is for the log.
fn refused(error: &CallError) -> Failure {
    tracing::warn!("{error}");
    Failure::new(error.status())
}

//! What a program serves: routes of its features and their metrics.

use std::{fmt, sync::Arc};

use axum::routing::MethodRouter;
use prometheus::Registry;

use crate::metrics::Metrics;

/// Routes and metrics of the features of a program.
pub struct App {
    pub(crate) routes: Vec<(String, MethodRouter)>,
    pub(crate) metrics: Arc<Metrics>,
}

impl App {
    /// Without routes.
    pub fn new() -> Result<Self, prometheus::Error> {
        Ok(Self { routes: Vec::new(), metrics: Arc::new(Metrics::new()?) })
    }

    /// Adds a route of a feature, for example `("/users/{id}", get(one))`.
    ///
    /// Its handlers run on worker slots: each gets a request that has been received completely, one per slot, and
    /// is cancelled after `server.timeout`; one that never awaits cannot be. A panic becomes a 500. Other methods get a 405.
    #[must_use]
    pub fn route(mut self, path: &str, methods: MethodRouter) -> Self {
        self.routes.push((path.to_owned(), methods));
        self
    }

    /// Where a feature registers its metrics.
    pub fn registry(&self) -> &Registry {
        self.metrics.registry()
    }
}

impl fmt::Debug for App {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.routes.iter().map(|(path, _)| path)).finish()
    }
}

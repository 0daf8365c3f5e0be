//! The routes of one feature.

use std::{convert::Infallible, fmt};

use axum::routing::MethodRouter;
use utoipa::openapi::{Paths, RefOr, Schema};
use utoipa_axum::router::UtoipaMethodRouter;

use crate::{Paging, envelope::Envelope};

/// Routes that answer in one [`Envelope`].
///
/// A path that no route has belongs to the feature that has its first segment: `/users/1/x` gets its 404 in the
/// dialect of `/users/{id}`.
#[derive(Clone, Default)]
pub struct Routes {
    pub(crate) envelope: Envelope,
    pub(crate) entries: Vec<Entry>,
    pub(crate) paths: Paths,
    pub(crate) schemas: Vec<(String, RefOr<Schema>)>,
    pub(crate) maxima: Vec<(&'static str, u32)>,
    pub(crate) may_be_empty: Vec<&'static str>,
}

/// One path.
#[derive(Clone)]
pub(crate) struct Entry {
    pub path: String,
    pub methods: MethodRouter,
    pub queued: bool,
}

impl Routes {
    /// Without routes.
    pub fn new(envelope: Envelope) -> Self {
        Self { envelope, ..Self::default() }
    }

    /// Adds a route, for example `("/users/{id}", get(one))`, that the OpenAPI document does not show.
    ///
    /// Its handlers run on worker slots: each gets a request that has been received completely, one per slot, and
    /// is cancelled after `server.timeout`; one that never awaits cannot be. A panic becomes a 500. Other methods get a 405.
    #[must_use]
    pub fn route(self, path: &str, methods: MethodRouter) -> Self {
        self.entry(path, methods, true)
    }

    /// Adds a route that never waits for a worker, has no limits and asks nobody for a [token](crate::auth): only for
    /// what is answered from memory and known to everybody, such as documentation.
    #[must_use]
    pub fn unqueued(self, path: &str, methods: MethodRouter) -> Self {
        self.entry(path, methods, false)
    }

    /// Adds the handlers that `utoipa_axum::routes!` has collected, as [`route`](Self::route) does, and their
    /// operations to the OpenAPI document. All of them have one path.
    #[must_use]
    pub fn described<S>(mut self, handlers: UtoipaMethodRouter<S, Infallible>, state: S) -> Self
    where
        S: Clone + Send + Sync + 'static,
    {
        let (schemas, paths, methods) = handlers;
        let methods: MethodRouter = methods.with_state(state);
        let names: Vec<String> = paths.paths.keys().cloned().collect();
        self.paths.merge(paths);
        self.schemas.extend(schemas);
        names.into_iter().fold(self, |routes, path| routes.route(&path, methods.clone()))
    }

    /// Says in the OpenAPI document that the number `parameter` may not be above `most`, where that is a setting.
    #[must_use]
    pub fn maximum(mut self, parameter: &'static str, most: u32) -> Self {
        self.maxima.push((parameter, most));
        self
    }

    /// Says in the OpenAPI document what `offset` and `limit` of a [`Page`](crate::Page) may be.
    #[must_use]
    pub fn paged(mut self, paging: Paging) -> Self {
        self.may_be_empty.extend(["offset", "limit"]);
        self.maximum("limit", paging.longest())
    }

    /// Whether they have `/`, described and without a `GET`.
    pub(crate) fn shares_root(&self) -> bool {
        self.paths.paths.get("/").is_some_and(|root| root.get.is_none() && root.head.is_none())
    }

    fn entry(mut self, path: &str, methods: MethodRouter, queued: bool) -> Self {
        self.entries.push(Entry { path: path.to_owned(), methods, queued });
        self
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths: Vec<&str> = self.entries.iter().map(|entry| entry.path.as_str()).collect();
        out.debug_struct("Routes")
            .field("envelope", &self.envelope)
            .field("paths", &paths)
            .finish_non_exhaustive()
    }
}

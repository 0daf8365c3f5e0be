//! The routes of one feature.

use std::{convert::Infallible, fmt};

use axum::routing::MethodRouter;
use utoipa::openapi::{Paths, RefOr, Schema};
use utoipa_axum::router::UtoipaMethodRouter;

use crate::{Envelope, Paging};

/// Routes that answer in one [`Envelope`].
///
/// A path that no route has belongs to the feature that has its first segment: `/users/1/x` gets its 404 in the
/// dialect of `/users/{id}`.
#[derive(Clone, Default)]
pub struct Routes {
    /// How all of them are answered.
    pub envelope: Envelope,
    /// What is served.
    pub entries: Vec<Entry>,
    /// What is described.
    pub paths: Paths,
    /// The schemas that the descriptions name.
    pub schemas: Vec<(String, RefOr<Schema>)>,
    /// Parameters with the most that each may be.
    pub maxima: Vec<(&'static str, u32)>,
    /// Parameters that may be empty.
    pub may_be_empty: Vec<&'static str>,
}

/// One path.
#[derive(Clone)]
pub struct Entry {
    /// As axum writes it, for example `/users/{id}`.
    pub path: String,
    /// Its handlers.
    pub methods: MethodRouter,
    /// Whether its requests wait for a worker.
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

    /// Adds a route that never waits for a worker, has no limits and asks nobody for a token: only for
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

    /// Adds each path once more below `prefix`, for example `/regions/cities` for `/cities`. The OpenAPI document shows
    /// the first ones only.
    #[must_use]
    pub fn aliased(mut self, prefix: &str) -> Self {
        let aliases: Vec<_> = self
            .entries
            .iter()
            .map(|entry| Entry { path: format!("{prefix}{}", entry.path), ..entry.clone() })
            .collect();
        self.entries.extend(aliases);
        self
    }

    /// Adds each path once more, with a slash at its end or without the one it has. In the OpenAPI document the
    /// operations of the second one are called `NAME_` (contract 5.9.34).
    #[must_use]
    pub fn either_slash(mut self) -> Self {
        let twin = |path: &str| path.strip_suffix('/').map_or_else(|| format!("{path}/"), str::to_owned);
        let twins: Vec<_> =
            self.entries.iter().map(|entry| Entry { path: twin(&entry.path), ..entry.clone() }).collect();
        self.entries.extend(twins);
        let described: Vec<_> =
            self.paths.paths.iter().map(|(path, item)| (twin(path), item.clone())).collect();
        for (path, mut item) in described {
            let operations =
                [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
            for operation in operations.into_iter().flatten() {
                operation.operation_id = operation.operation_id.as_ref().map(|name| format!("{name}_"));
            }
            self.paths.paths.insert(path, item);
        }
        self
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
    pub fn shares_root(&self) -> bool {
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

//! The connections to one server, and whether it is there at all.
//!
//! The pool is `deadpool`'s, with [`Server`] as its manager. `sqlx::Pool` of sqlx 0.9.0 was weighed and is not used:
//! - While a server refuses connections, it tries again until its only time limit is over and reports that: requests
//!   would wait for `db.acquire_timeout`, and away could not be told from busy. There is no limit for connecting.
//! - It asks each connection that is given back whether it still works: a round trip after every use, and without a
//!   limit, so that a connection that fell silent holds its place for as long as the system keeps it open.
//! - Its options are made before it knows that it connects: no password is read for each new connection.
//! - It doesn't count who waits (`chassis_db_waiting`), and it is another type for each kind of server.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use deadpool::managed::{BuildError, Object, Pool as Connections, PoolError, Status};
use tokio::time::timeout;

use super::{DbError, refusals::Refusals, server::Server};
use crate::config::{DatabaseUrl, Db};

#[derive(Clone)]
pub(super) struct Pool {
    connections: Connections<Server>,
    acquire_timeout: Duration,
    refusals: Refusals,
    /// Why nobody needs to try: set by the monitor.
    away: Arc<RwLock<Option<Arc<str>>>>,
}

impl Pool {
    /// Without connections yet: they are made when they are needed.
    pub(super) fn new(
        url: &DatabaseUrl,
        config: &Db,
        service: &str,
        refusals: Refusals,
    ) -> Result<Self, BuildError> {
        let size = if url.is_memory() { 1 } else { config.max_connections.get() };
        let server = Server::new(url, config, service);
        Ok(Self {
            connections: Connections::builder(server).max_size(usize::try_from(size).unwrap_or(1)).build()?,
            acquire_timeout: config.acquire_timeout.0,
            refusals,
            away: Arc::default(),
        })
    }

    pub(super) fn server(&self) -> &Server {
        self.connections.manager()
    }

    pub(super) fn status(&self) -> Status {
        self.connections.status()
    }

    /// A connection that works, within `db.acquire_timeout`; an error at once while the server is known to be away.
    pub(super) async fn acquire(&self) -> Result<Object<Server>, DbError> {
        let outcome = match self.away() {
            Some(reason) => Err(DbError::Away(reason.as_ref().to_owned())),
            None => self.wait().await,
        };
        outcome.inspect_err(|error| self.refusals.count(error.label()))
    }

    async fn wait(&self) -> Result<Object<Server>, DbError> {
        match timeout(self.acquire_timeout, self.connections.get()).await {
            Ok(Ok(link)) => Ok(link),
            Ok(Err(PoolError::Backend(error))) => Err(error),
            Ok(Err(error)) => Err(DbError::away(&error.to_string())),
            Err(_elapsed) => Err(DbError::Busy(self.acquire_timeout)),
        }
    }

    pub(super) fn away(&self) -> Option<Arc<str>> {
        self.away.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether that is news.
    pub(super) fn set_away(&self, reason: Option<&str>) -> bool {
        let mut away = self.away.write().unwrap_or_else(PoisonError::into_inner);
        let news = away.is_some() != reason.is_some();
        *away = reason.map(Into::into);
        news
    }
}

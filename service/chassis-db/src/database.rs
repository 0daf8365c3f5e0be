//! What features ask for connections.

use std::{fmt, sync::Arc, time::Duration};

use prometheus::Registry;

use super::{
    Connection, DbError,
    health::Health,
    metrics::PoolMetrics,
    migration::{self, History, Table},
    pool::Pool,
};
use crate::config::{DatabaseUrl, Db};

/// A database, with a replica for reads where there is one. Cheap to clone: all clones share the connections.
#[derive(Clone)]
pub struct Database(Arc<Shared>);

pub(super) struct Shared {
    pub primary: Pool,
    pub replica: Option<Pool>,
    pub tables: Vec<Table>,
    pub migrate: bool,
    pub health: Health,
    pub connect_timeout: Duration,
    args: bool,
}

impl Database {
    /// The database of `config` for these tables, asked by `service`. Connects only when it is needed. `show_args` is
    /// whether spans tell the arguments of statements: they are what users gave. An error when `registry` has a database.
    pub fn new(
        config: &Db,
        service: &str,
        show_args: bool,
        tables: Vec<Table>,
        registry: &Registry,
    ) -> Result<Self, prometheus::Error> {
        let metrics = PoolMetrics::register(registry)?;
        let pool = |server: &'static str, url: &DatabaseUrl| {
            Pool::new(url, config, service, metrics.refusals(server))
                .map_err(|error| prometheus::Error::Msg(error.to_string()))
        };
        let primary = pool("primary", &config.url)?;
        let replica = config.replica_url.as_ref().map(|url| pool("replica", url)).transpose()?;
        let pools = [("primary", Some(primary.clone())), ("replica", replica.clone())];
        metrics.watch(pools.into_iter().filter_map(|(server, pool)| Some((server, pool?))).collect());
        Ok(Self(Arc::new(Shared {
            primary,
            replica,
            tables,
            migrate: config.migrate,
            health: Health::default(),
            connect_timeout: config.connect_timeout.0,
            args: show_args,
        })))
    }

    /// A connection for reads, outside of any transaction (contract 5.5.22): to the replica where there is one, whose
    /// rows may be some moments old; to the primary while the replica is away.
    pub async fn acquire(&self) -> Result<Connection, DbError> {
        let Shared { replica, args, .. } = &*self.0;
        self.refuse_pending()?;
        if let Some(replica) = replica {
            match replica.acquire().await {
                Ok(link) => return Ok(Connection::pooled(link, replica.server(), *args)),
                // That it is away was said once, when it went.
                Err(error) if replica.away().is_some() => {
                    tracing::debug!("reading from the primary: {error}");
                }
                Err(error) => tracing::warn!("reading from the primary: {error}"),
            }
        }
        self.primary().await
    }

    /// A connection for a single statement that writes, to the primary and outside of any transaction: one round trip
    /// where [`transaction`](Self::transaction) takes three.
    pub async fn primary(&self) -> Result<Connection, DbError> {
        let Shared { primary, args, .. } = &*self.0;
        self.refuse_pending()?;
        Ok(Connection::pooled(primary.acquire().await?, primary.server(), *args))
    }

    /// Statements would meet other tables than they are made for.
    fn refuse_pending(&self) -> Result<(), DbError> {
        self.0.health.pending().map_or(Ok(()), |pending| Err(DbError::Pending(pending)))
    }

    /// Runs `work` in a transaction on the primary: committed when it succeeds, rolled back when it fails or is dropped.
    /// The error of a commit is an error of the whole.
    pub async fn transaction<T, E: From<DbError>>(
        &self,
        work: impl AsyncFnOnce(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.primary().await?;
        connection.begin().await?;
        match work(&mut connection).await {
            Ok(value) => {
                connection.end("COMMIT").await?;
                Ok(value)
            }
            Err(error) => {
                // If it fails, the connection is closed, which rolls back as well.
                _ = connection.end("ROLLBACK").await;
                Err(error)
            }
        }
    }

    /// Brings the tables to their last version; tells `report` of each operation. Does nothing when they are there.
    pub async fn migrate(&self, report: &mut (dyn FnMut(String) + Send)) -> Result<History, DbError> {
        migration::migrate(&mut self.apart().await?, &self.0.tables, report).await
    }

    /// Which steps of the tables were taken and which were not.
    pub async fn history(&self) -> Result<History, DbError> {
        History::read(&mut self.apart().await?, &self.0.tables).await
    }

    /// A connection to the primary that nobody else waits for.
    pub(super) async fn apart(&self) -> Result<Connection, DbError> {
        let primary = &self.0.primary;
        if primary.server().url.is_memory() {
            // There is only one.
            return Ok(Connection::pooled(primary.acquire().await?, primary.server(), false));
        }
        Connection::own(primary.server()).await
    }

    /// Why requests should go elsewhere; `None` when all is well.
    pub fn reason(&self) -> Option<String> {
        self.0.health.reason()
    }

    /// The step that was taken last, as far as is known (contract 4.1.4).
    pub fn last_migration(&self) -> Option<String> {
        self.0.health.last_migration()
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.0
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0.primary.server().url, out)
    }
}

//! One database server, and how connections to it are made and kept.

use std::time::Duration;

use chassis_config::Secret;
use chassis_http::error_chain::chain;
use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use sqlx::{
    ConnectOptions, Connection as _, Executor,
    postgres::{PgConnectOptions, PgConnection},
    sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode},
};
use tokio::time::timeout;

use super::DbError;
use crate::config::{DatabaseUrl, Db};

/// Older connections are made anew, so that a name that leads elsewhere and a changed password come into effect.
const OLDEST: Duration = Duration::from_mins(30);

/// A connection that has waited for longer is asked whether it is still there before it is used.
const TRUSTED: Duration = Duration::from_secs(1);

/// SQL differs between the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Postgres,
    Sqlite,
}

/// A server.
pub(super) struct Server {
    /// As it is shown.
    pub(super) url: DatabaseUrl,
    place: Place,
    password: Option<Secret>,
    connect_timeout: Duration,
    pub(super) statement_timeout: Duration,
}

enum Place {
    Postgres(Box<PgConnectOptions>),
    Sqlite(Box<SqliteConnectOptions>),
}

/// A connection to a server.
pub(super) struct Link {
    pub(super) wire: Wire,
    /// In the middle of a statement or a transaction: whoever had it has gone away.
    pub(super) unfinished: bool,
}

pub(super) enum Wire {
    Postgres(Box<PgConnection>),
    Sqlite(SqliteConnection),
}

impl Server {
    pub(super) fn new(url: &DatabaseUrl, config: &Db, name: &str) -> Self {
        let statement_timeout = config.statement_timeout.0;
        let place = if let Some(options) = url.sqlite() {
            let options = options.create_if_missing(true).busy_timeout(statement_timeout);
            // Readers don't wait for a writer.
            let file = || options.clone().journal_mode(SqliteJournalMode::Wal);
            let options = if url.is_memory() { options } else { file() };
            Place::Sqlite(Box::new(options.disable_statement_logging()))
        } else {
            // What is no URL of PostgreSQL was refused when the configuration was read.
            let options = url.postgres().unwrap_or_else(PgConnectOptions::new_without_pgpass);
            let millis = statement_timeout.as_millis().to_string();
            let options = options.application_name(name).options([("statement_timeout", millis)]);
            Place::Postgres(Box::new(options.disable_statement_logging()))
        };
        Self {
            url: url.clone(),
            place,
            password: config.password.clone().filter(|_| !url.has_password()),
            connect_timeout: config.connect_timeout.0,
            statement_timeout,
        }
    }

    pub(super) fn dialect(&self) -> Dialect {
        match self.place {
            Place::Postgres(_) => Dialect::Postgres,
            Place::Sqlite(_) => Dialect::Sqlite,
        }
    }

    /// A new connection, with the password as it is now.
    pub(super) async fn connect(&self) -> Result<Link, DbError> {
        let connecting = async {
            Ok::<_, sqlx::Error>(match &self.place {
                Place::Postgres(options) => {
                    let mut options = options.as_ref().clone();
                    if let Some(password) = &self.password {
                        options = options.password(&password.read().map_err(sqlx::Error::Io)?);
                    }
                    Wire::Postgres(Box::new(options.connect().await?))
                }
                Place::Sqlite(options) => Wire::Sqlite(options.connect().await?),
            })
        };
        let limit = self.connect_timeout;
        match timeout(limit, connecting).await {
            Ok(Ok(wire)) => Ok(Link { wire, unfinished: false }),
            Ok(Err(error)) => Err(DbError::Away(chain(&error))),
            Err(_elapsed) => Err(DbError::Away(format!("no connection within {limit:?}"))),
        }
    }
}

impl Manager for Server {
    type Type = Link;
    type Error = DbError;

    async fn create(&self) -> Result<Link, DbError> {
        self.connect().await
    }

    async fn recycle(&self, link: &mut Link, metrics: &Metrics) -> RecycleResult<DbError> {
        let away = |error: sqlx::Error| RecycleError::Backend(DbError::of(error, self.connect_timeout));
        if self.url.is_memory() {
            // It is the data: never thrown away, whatever was left unfinished.
            if let Wire::Sqlite(connection) = &mut link.wire
                && link.unfinished
            {
                // An error says that no transaction was begun.
                _ = connection.execute("ROLLBACK").await;
                link.unfinished = false;
            }
            return Ok(());
        }
        if metrics.age() > OLDEST {
            return Err(RecycleError::message("old"));
        }
        if metrics.last_used() > TRUSTED {
            let ping = async {
                match &mut link.wire {
                    Wire::Postgres(connection) => connection.ping().await,
                    Wire::Sqlite(connection) => connection.ping().await,
                }
            };
            return match timeout(self.connect_timeout, ping).await {
                Ok(answer) => answer.map_err(away),
                Err(_elapsed) => Err(RecycleError::message("no answer")),
            };
        }
        Ok(())
    }
}

//! Looks after a database while the service runs: migrates its tables, and knows when it is away.

use std::time::Duration;

use chassis_http::error_chain::chain;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    Connection, Database, DbError,
    database::Shared,
    migration::{self, History, Version},
    pool::Pool,
};

/// How old what is known of a database may be.
const INTERVAL: Duration = Duration::from_secs(1);

/// Ends when dropped.
#[derive(Debug)]
pub struct Monitor {
    rounds: watch::Receiver<u64>,
    _task: AbortOnDropHandle<()>,
}

impl Monitor {
    /// Begins to look after `database`. Has to be called inside a tokio runtime.
    pub fn start(database: Database) -> Self {
        let (done, rounds) = watch::channel(0);
        let watching = async move {
            let (mut primary, mut replica) = (None, None);
            loop {
                tokio::join!(
                    look_at_primary(&database, &mut primary),
                    look_at_replica(&database, &mut replica)
                );
                done.send_modify(|rounds| *rounds += 1);
                sleep(INTERVAL).await;
            }
        };
        Self { rounds, _task: AbortOnDropHandle::new(tokio::spawn(watching)) }
    }

    /// Waits until the database was asked once, but not longer than `limit`.
    pub async fn asked(&mut self, limit: Duration) {
        _ = timeout(limit, self.rounds.wait_for(|rounds| *rounds > 0)).await;
    }
}

/// `kept`: the connection, from one look to the next.
async fn look_at_primary(database: &Database, kept: &mut Option<Connection>) {
    let Shared { primary, health, connect_timeout, .. } = database.shared();
    if primary.server().url.is_memory() && health.is_good() {
        // It can't go away, and its only connection is for requests.
        return;
    }
    let trouble = match ask(database, kept).await {
        Ok(pending) => {
            primary.set_away(None);
            pending
        }
        Err(error) => {
            *kept = None;
            // It may have been this connection or this question alone: requests are refused only if a new one fails too.
            let away = match &error {
                DbError::Away(_) | DbError::Slow(_) => ping(primary, &mut None, *connect_timeout).await.err(),
                DbError::Pending(_) | DbError::Full(_) | DbError::Busy(_) | DbError::Failed(_) => None,
            };
            let away = away.filter(DbError::is_away).map(|error| chain(&error));
            primary.set_away(away.as_deref());
            let passes = away.is_none() && !matches!(error, DbError::Failed(_));
            if passes && health.is_good() { None } else { Some(chain(&error)) }
        }
    };
    if primary.server().url.is_memory() {
        *kept = None;
    }
    if health.set_trouble(trouble.clone()) {
        match trouble {
            Some(trouble) => tracing::warn!("not ready: {trouble}"),
            None if primary.server().url.is_memory() => {
                tracing::warn!(
                    "the database is in memory and ends with this process; set db.url to keep its data"
                );
            }
            None => {
                tracing::info!("the database is there: {database:?}");
                if primary.server().is_unprotected() {
                    tracing::warn!(
                        "what goes to the database may be read on the way; write db.tls: require or verify-full"
                    );
                }
            }
        }
    }
}

/// What is pending once this has taken the steps, where it is to do so.
async fn ask(database: &Database, kept: &mut Option<Connection>) -> Result<Option<String>, DbError> {
    let Shared { primary, tables, migrate, health, connect_timeout, .. } = database.shared();
    let connection = match kept {
        Some(connection) => connection,
        None => kept.insert(database.apart().await?),
    };
    connection.set_limit(*connect_timeout);
    let mut history = History::read(connection, tables).await?;
    if *migrate && !history.pending.is_empty() {
        let pending = waiting_for(&history.pending);
        health.set_pending(pending.clone());
        health.set_trouble(pending);
        let is_memory = primary.server().url.is_memory();
        let report = &mut |line: String| {
            // There nothing else was to be expected.
            if is_memory { tracing::debug!("{line}") } else { tracing::info!("{line}") }
        };
        history = migration::migrate(connection, tables, report).await?;
    }
    health.set_last_migration(history.last());
    let remedy =
        if *migrate { "" } else { "; the command `migrate` takes them, or db.migrate: true at the start" };
    let pending = waiting_for(&history.pending).map(|pending| pending + remedy);
    health.set_pending(pending.clone());
    Ok(pending)
}

fn waiting_for(pending: &[Version]) -> Option<String> {
    let steps: Vec<_> = pending.iter().map(Version::to_string).collect();
    (!steps.is_empty()).then(|| format!("migrations are pending: {}", steps.join(", ")))
}

async fn look_at_replica(database: &Database, kept: &mut Option<Connection>) {
    let Shared { replica: Some(replica), connect_timeout, .. } = database.shared() else { return };
    let trouble = match ping(replica, kept, *connect_timeout).await {
        Ok(()) => None,
        Err(error) => {
            *kept = None;
            Some(chain(&error))
        }
    };
    if replica.set_away(trouble.as_deref()) {
        if let Some(trouble) = trouble {
            tracing::warn!("reads go to the primary, for on the replica: {trouble}");
        } else {
            tracing::info!("reads go to the replica again");
        }
    }
}

async fn ping(pool: &Pool, kept: &mut Option<Connection>, limit: Duration) -> Result<(), DbError> {
    let connection = match kept {
        Some(connection) => connection,
        None => kept.insert(Connection::own(pool.server()).await?),
    };
    connection.set_limit(limit);
    connection.fetch_value::<i32>("SELECT 1", &[]).await.map(drop)
}

//! Messages that wait on disk: one SQLite file, whose writes are atomic and whose locks are the system's.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    time::Duration,
};

use chassis_config::writable;
use jiff::Timestamp;
use sqlx::{
    SqliteConnection, SqlitePool,
    error::DatabaseError,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::{sync::OnceCell, time::sleep};

use super::NotifyError;

/// The longest message.
const LONGEST: usize = 64 << 10;

/// The most messages that are read at a time.
pub(super) const AT_ONCE: usize = 500;

/// How long a write may wait for another process's write.
const BUSY: Duration = Duration::from_secs(5);

/// How often a process that waits for another one's delivery looks.
const LOOK: Duration = Duration::from_millis(100);

/// SQLite's own default, and its code for "database or disk is full".
const PAGE: usize = 4096;
const FULL: &str = "13";

/// Channels note the last message they have sent: ids grow and are never used again. `recipients` of a dead letter: those
/// who have not got it, in lines; none where that is everybody.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        service TEXT NOT NULL,
        datetime TEXT NOT NULL,
        message TEXT NOT NULL
    );
    CREATE TABLE IF NOT EXISTS channels (name TEXT PRIMARY KEY, sent INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE IF NOT EXISTS dead_letters (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        channel TEXT NOT NULL,
        recipients TEXT NOT NULL,
        service TEXT NOT NULL,
        datetime TEXT NOT NULL,
        message TEXT NOT NULL,
        reason TEXT NOT NULL
    );
";

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub id: i64,
    pub service: String,
    pub text: String,
}

/// The file.
#[derive(Debug)]
pub(super) struct Outbox {
    file: PathBuf,
    max_size: usize,
    pool: OnceCell<SqlitePool>,
}

impl Outbox {
    pub(super) fn new(file: PathBuf, max_size: usize) -> Self {
        Self { file, max_size, pool: OnceCell::new() }
    }

    /// Whether there could be such a file; leaves nothing behind.
    pub(super) fn check(&self) -> Result<(), NotifyError> {
        writable(&self.file).map_err(|source| NotifyError::Directory { file: self.file.clone(), source })
    }

    /// Makes the file if there is none.
    pub(super) async fn open(&self) -> Result<&SqlitePool, NotifyError> {
        self.pool.get_or_try_init(|| self.connect()).await
    }

    async fn connect(&self) -> Result<SqlitePool, NotifyError> {
        if let Some(directory) = self.file.parent() {
            tokio::fs::create_dir_all(directory)
                .await
                .map_err(|source| NotifyError::Directory { file: self.file.clone(), source })?;
        }
        let options = SqliteConnectOptions::new()
            .filename(&self.file)
            .create_if_missing(true)
            .busy_timeout(BUSY)
            .synchronous(SqliteSynchronous::Full)
            .pragma("max_page_count", (self.max_size / PAGE).max(1).to_string());
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await;
        let pool = pool.map_err(|error| self.error(error))?;
        sqlx::raw_sql(SCHEMA).execute(&pool).await.map_err(|error| self.error(error))?;
        Ok(pool)
    }

    /// Returns when the message is on disk.
    pub(super) async fn append(&self, service: &str, message: &str) -> Result<(), NotifyError> {
        if message.trim().is_empty() {
            return Err(NotifyError::Empty);
        }
        if message.len() > LONGEST {
            return Err(NotifyError::TooLong { limit: LONGEST });
        }
        sqlx::query("INSERT INTO messages (service, datetime, message) VALUES (?, ?, ?)")
            .bind(service)
            .bind(Timestamp::now().to_string())
            .bind(message)
            .execute(self.open().await?)
            .await
            .map_err(|error| self.error(error))?;
        Ok(())
    }

    /// The first of those that `channel` has not sent.
    pub(super) async fn unsent(&self, channel: &str) -> Result<Vec<Message>, NotifyError> {
        let query = "SELECT id, service, message FROM messages
            WHERE id > coalesce((SELECT sent FROM channels WHERE name = ?), 0) ORDER BY id LIMIT ?";
        let rows = sqlx::query_as(query)
            .bind(channel)
            .bind(i64::try_from(AT_ONCE).unwrap_or(i64::MAX))
            .fetch_all(self.open().await?);
        let rows: Vec<(i64, String, String)> = rows.await.map_err(|error| self.error(error))?;
        Ok(rows.into_iter().map(|(id, service, text)| Message { id, service, text }).collect())
    }

    /// Notes that `channel` has sent everything up to the message `id`.
    pub(super) async fn sent(&self, channel: &str, id: i64) -> Result<(), NotifyError> {
        let mut connection = self.open().await?.acquire().await.map_err(|error| self.error(error))?;
        self.note_sent(channel, id, &mut connection).await
    }

    pub(super) async fn note_sent(
        &self,
        channel: &str,
        id: i64,
        connection: &mut SqliteConnection,
    ) -> Result<(), NotifyError> {
        let query = "INSERT INTO channels (name, sent) VALUES (?1, ?2)
            ON CONFLICT (name) DO UPDATE SET sent = max(sent, ?2)";
        let noted = sqlx::query(query).bind(channel).bind(id).execute(connection);
        noted.await.map(|_| ()).map_err(|error| self.error(error))
    }

    /// Removes what all of `channels` have sent.
    pub(super) async fn remove_sent(&self, channels: &[&str]) -> Result<(), NotifyError> {
        let mut least = i64::MAX;
        for channel in channels {
            let sent = sqlx::query_scalar("SELECT sent FROM channels WHERE name = ?").bind(channel);
            let sent: Option<i64> =
                sent.fetch_optional(self.open().await?).await.map_err(|error| self.error(error))?;
            least = least.min(sent.unwrap_or(0));
        }
        let removed = sqlx::query("DELETE FROM messages WHERE id <= ?").bind(least);
        removed.execute(self.open().await?).await.map(|_| ()).map_err(|error| self.error(error))
    }

    /// How many there are.
    pub(super) async fn count(&self) -> Result<i64, NotifyError> {
        let count = sqlx::query_scalar("SELECT count(*) FROM messages").fetch_one(self.open().await?);
        count.await.map_err(|error| self.error(error))
    }

    /// Waits until no other process sends by `channel`. The system gives the lock back when a process dies.
    pub(super) async fn claim(&self, channel: &str) -> Result<File, NotifyError> {
        self.open().await?;
        let path = with_suffix(&self.file, channel);
        let error = |source| NotifyError::Directory { file: path.clone(), source };
        let file = tokio::fs::File::options().create(true).append(true).open(&path).await;
        let file = file.map_err(error)?.into_std().await;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => sleep(LOOK).await,
                Err(TryLockError::Error(source)) => return Err(error(source)),
            }
        }
    }

    pub(super) fn error(&self, source: sqlx::Error) -> NotifyError {
        let code = source.as_database_error().and_then(DatabaseError::code);
        let is_full = code.is_some_and(|code| code == FULL);
        let file = self.file.clone();
        if is_full { NotifyError::Full { file } } else { NotifyError::Outbox { file, source } }
    }
}

/// `notifications.db` -> `notifications.db.email.lock`
fn with_suffix(file: &Path, channel: &str) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(format!(".{channel}.lock"));
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox(directory: &tempfile::TempDir) -> Outbox {
        Outbox::new(directory.path().join("made/for/us/notifications.db"), 16 << 20)
    }

    async fn texts(outbox: &Outbox, channel: &str) -> Vec<String> {
        outbox.unsent(channel).await.unwrap().into_iter().map(|message| message.text).collect()
    }

    /// contract 2.4.20, contract 2.4.21
    #[tokio::test]
    async fn each_channel_goes_its_own_way_and_what_all_have_sent_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let outbox = outbox(&directory);
        for text in ["one", "two", "three"] {
            outbox.append("users", text).await.unwrap();
        }
        let messages = outbox.unsent("email").await.unwrap();
        outbox.sent("email", messages[1].id).await.unwrap();
        outbox.remove_sent(&["email", "slack"]).await.unwrap();
        assert_eq!(texts(&outbox, "email").await, ["three"]);
        assert_eq!(texts(&outbox, "slack").await, ["one", "two", "three"], "nothing is removed yet");
        outbox.sent("slack", messages[0].id).await.unwrap();
        outbox.remove_sent(&["email", "slack"]).await.unwrap();
        assert_eq!(outbox.count().await.unwrap(), 2);
        outbox.remove_sent(&["email"]).await.unwrap();
        assert_eq!(texts(&outbox, "slack").await, ["three"]);
        outbox.sent("email", messages[2].id).await.unwrap();
        outbox.remove_sent(&["email"]).await.unwrap();
        outbox.append("users", "four").await.unwrap();
        assert_eq!(texts(&outbox, "email").await, ["four"], "ids are not used again");
    }

    #[tokio::test]
    async fn writers_at_the_same_time_lose_nothing() {
        let directory = tempfile::tempdir().unwrap();
        // As two processes have it: each with connections of its own.
        let (one, other) = (outbox(&directory), outbox(&directory));
        let write = async |outbox: &Outbox| {
            for number in 0..50 {
                outbox.append("users", &number.to_string()).await.unwrap();
            }
        };
        tokio::join!(write(&one), write(&other));
        assert_eq!(one.count().await.unwrap(), 100);
    }

    #[tokio::test]
    async fn one_process_sends_by_a_channel_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let (one, other) = (outbox(&directory), outbox(&directory));
        let held = one.claim("email").await.unwrap();
        other.claim("slack").await.unwrap();
        let mut waiting = Box::pin(other.claim("email"));
        let while_held = tokio::time::timeout(LOOK * 3, &mut waiting).await;
        assert!(while_held.is_err(), "claimed twice");
        drop(held);
        waiting.await.unwrap();
    }

    #[tokio::test]
    async fn what_is_no_message_and_what_is_too_much_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let outbox = Outbox::new(directory.path().join("notifications.db"), 64 << 10);
        assert!(matches!(outbox.append("users", " \n").await, Err(NotifyError::Empty)));
        let long = "x".repeat(LONGEST + 1);
        assert!(matches!(outbox.append("users", &long).await, Err(NotifyError::TooLong { .. })));
        let text = "y".repeat(4000);
        let mut kept = 0;
        let refused = loop {
            match outbox.append("users", &text).await {
                Ok(()) => kept += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(refused, NotifyError::Full { .. }), "{refused}");
        assert_eq!(outbox.count().await.unwrap(), kept);
        let last = outbox.unsent("email").await.unwrap().last().unwrap().id;
        outbox.sent("email", last).await.unwrap();
        outbox.remove_sent(&["email"]).await.unwrap();
        outbox.append("users", &text).await.unwrap();
    }
}

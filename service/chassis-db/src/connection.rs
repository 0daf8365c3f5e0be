//! Statements on one connection, each a span.

use std::{
    fmt, mem,
    time::{Duration, Instant},
};

use chassis_telemetry::trace::{Kind, Span};
use deadpool::managed::Object;
use sqlx::{
    AssertSqlSafe, Connection as _, Executor, postgres::PgArguments, query_with, sqlite::SqliteArguments,
};
use tokio::{
    runtime::Handle,
    time::{timeout, timeout_at},
};

use super::{
    Argument, Column, DbError, FromRow, Row,
    argument::{Bind, List},
    server::{Dialect, Link, Server, Wire},
};

/// A connection, given back when dropped. Statements are prepared at their first use on it, so their text is fixed and
/// what differs is an [`Argument`]: `$1`, `$2` and so on.
///
/// Each statement is a span (contract 5.7.28) and takes `db.statement_timeout` at most.
pub struct Connection {
    held: Held,
    limit: Duration,
    dialect: Dialect,
    /// There is no other one, and what it has is nowhere else.
    is_memory: bool,
    /// `tracing.db_args`
    args: bool,
    /// When the server gives the last statement up at the latest.
    given_up: Instant,
}

/// For the server's word that it has given a statement up.
const LAST_WORD: Duration = Duration::from_secs(1);

enum Held {
    Pooled(Object<Server>),
    Own(Link),
    Gone,
}

/// The same statement for whichever server it is.
macro_rules! on {
    ($link:expr, |$connection:ident, $Arguments:ident| $work:expr) => {
        match $link {
            Wire::Postgres($connection) => {
                type $Arguments = PgArguments;
                let $connection = $connection.as_mut();
                $work
            }
            Wire::Sqlite($connection) => {
                type $Arguments = SqliteArguments;
                $work
            }
        }
    };
}

impl Connection {
    /// `link` is one to `server`.
    pub(super) fn pooled(link: Object<Server>, server: &Server, args: bool) -> Self {
        Self::of(Held::Pooled(link), server, args)
    }

    /// One that is in no pool; a statement takes `db.connect_timeout` at most, also on the server.
    pub(super) async fn own(server: &Server) -> Result<Self, DbError> {
        let limit = server.connect_timeout;
        Ok(Self::of(Held::Own(server.connect(limit).await?), server, false))
    }

    fn of(held: Held, server: &Server, args: bool) -> Self {
        let (limit, dialect) = (server.statement_timeout, server.dialect());
        let is_memory = server.url.is_memory();
        Self { held, limit, dialect, is_memory, args, given_up: Instant::now() }
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Statements may take another time from now on.
    pub(super) fn set_limit(&mut self, limit: Duration) {
        self.limit = limit;
    }

    /// All rows of a query.
    pub async fn fetch<T: FromRow>(
        &mut self,
        sql: &'static str,
        arguments: &[Argument<'_>],
    ) -> Result<Vec<T>, DbError> {
        let span = self.span("fetch", sql, arguments);
        self.run(Some(span), async |wire: &mut Wire, keeps| {
            on!(wire, |connection, Arguments| {
                let rows = query_with(sql, Arguments::bind(arguments)?)
                    .persistent(keeps)
                    .fetch_all(connection)
                    .await?;
                Ok(rows.iter().map(|row| T::from_row(&Row::from(row))).collect())
            })
        })
        .await?
    }

    /// The first row of a query, `None` when there is none.
    pub async fn fetch_row<T: FromRow>(
        &mut self,
        sql: &'static str,
        arguments: &[Argument<'_>],
    ) -> Result<Option<T>, DbError> {
        let span = self.span("fetchrow", sql, arguments);
        self.run(Some(span), async |wire: &mut Wire, keeps| {
            on!(wire, |connection, Arguments| {
                let query = query_with(sql, Arguments::bind(arguments)?).persistent(keeps);
                let row = query.fetch_optional(connection).await?;
                Ok(row.as_ref().map(|row| T::from_row(&Row::from(row))).transpose())
            })
        })
        .await?
    }

    /// The first column of the first row of a query, `None` when there is no row.
    pub async fn fetch_value<T: Column>(
        &mut self,
        sql: &'static str,
        arguments: &[Argument<'_>],
    ) -> Result<Option<T>, DbError> {
        let span = self.span("fetchval", sql, arguments);
        self.run(Some(span), async |wire: &mut Wire, keeps| {
            on!(wire, |connection, Arguments| {
                let query = query_with(sql, Arguments::bind(arguments)?).persistent(keeps);
                let row = query.fetch_optional(connection).await?;
                row.as_ref().map(|row| Row::from(row).value(0)).transpose()
            })
        })
        .await
    }

    /// Carries out a statement; returns how many rows it has changed.
    pub async fn execute(&mut self, sql: &'static str, arguments: &[Argument<'_>]) -> Result<u64, DbError> {
        let span = self.span("execute", sql, arguments);
        self.run(Some(span), async |wire: &mut Wire, keeps| {
            on!(wire, |connection, Arguments| {
                let query = query_with(sql, Arguments::bind(arguments)?).persistent(keeps);
                let done = query.execute(connection).await?;
                Ok(done.rows_affected())
            })
        })
        .await
    }

    /// Carries out a statement once for each of `many`; use it in a transaction. Returns how many rows were changed.
    pub async fn execute_many(
        &mut self,
        sql: &'static str,
        many: &[&[Argument<'_>]],
    ) -> Result<u64, DbError> {
        let span = self.span("executemany", sql, &[]);
        self.run(Some(span), async |wire: &mut Wire, keeps| {
            on!(wire, |connection, Arguments| {
                let mut rows = 0;
                for arguments in many {
                    let statement = query_with(sql, Arguments::bind(arguments)?).persistent(keeps);
                    rows += statement.execute(&mut *connection).await?.rows_affected();
                }
                Ok(rows)
            })
        })
        .await
    }

    /// Carries out text that is made of names in the program, without arguments and without a span.
    pub(super) async fn script(&mut self, sql: String) -> Result<(), DbError> {
        self.run(None, async |wire: &mut Wire, _| wire.script(sql).await).await
    }

    pub(super) async fn begin(&mut self) -> Result<(), DbError> {
        // SQLite: a transaction that reads first could not begin to write while another does.
        let begin = if self.dialect == Dialect::Sqlite { "BEGIN IMMEDIATE" } else { "BEGIN" };
        self.script(begin.to_owned()).await?;
        self.set_unfinished(true);
        Ok(())
    }

    /// `COMMIT` or `ROLLBACK`
    pub(super) async fn end(&mut self, how: &str) -> Result<(), DbError> {
        self.script(how.to_owned()).await?;
        self.set_unfinished(false);
        Ok(())
    }

    fn span(&self, name: &'static str, sql: &str, arguments: &[Argument<'_>]) -> Span {
        let mut span = Span::begin(Kind::Client, name).component("db-execute");
        if span.is_recorded() {
            span.tag("db.type", "sql");
            span.tag("db.sql", sql);
            if self.args {
                span.tag("args", List(arguments));
            }
        }
        span
    }

    /// Until it has ended in an orderly way the connection counts as unfinished, also when this is dropped. `work` learns
    /// whether its statement may be kept prepared.
    ///
    /// Behind a pooler a session is ours for as long as a transaction, and a statement takes two steps: it gets a
    /// transaction of its own where it is in none.
    async fn run<T>(
        &mut self,
        span: Option<Span>,
        work: impl AsyncFnOnce(&mut Wire, bool) -> Result<T, sqlx::Error>,
    ) -> Result<T, DbError> {
        let limit = self.limit;
        let link = match &mut self.held {
            Held::Pooled(link) => &mut **link,
            Held::Own(link) => link,
            Held::Gone => return Err(DbError::away("the connection is gone")),
        };
        let before = mem::replace(&mut link.unfinished, true);
        self.given_up = Instant::now() + limit;
        let alone = link.is_pooled && !before && span.is_some();
        let work = async {
            if alone {
                link.wire.script("BEGIN".to_owned()).await?;
            }
            let result = work(&mut link.wire, !link.is_pooled).await;
            if alone {
                let end = if result.is_ok() { "COMMIT" } else { "ROLLBACK" };
                link.wire.script(end.to_owned()).await?;
            }
            result
        };
        let outcome = match timeout(limit, work).await {
            Ok(outcome) => outcome.map_err(|error| DbError::of(error, limit)),
            Err(_elapsed) => Err(DbError::Slow(limit)),
        };
        match &outcome {
            Ok(_) | Err(DbError::Failed(_)) => link.unfinished = before,
            Err(_) => {}
        }
        if let (Some(mut span), Err(error)) = (span, &outcome) {
            span.fail(error.label(), error);
        }
        outcome
    }

    fn set_unfinished(&mut self, unfinished: bool) {
        match &mut self.held {
            Held::Pooled(link) => link.unfinished = unfinished,
            Held::Own(link) => link.unfinished = unfinished,
            Held::Gone => {}
        }
    }
}

impl Drop for Connection {
    /// What was left in the middle of something is not for the next one: closed, and with that rolled back.
    fn drop(&mut self) {
        match mem::replace(&mut self.held, Held::Gone) {
            Held::Pooled(link) if link.unfinished && !self.is_memory => {
                let ending = end_of_work(link, self.given_up + LAST_WORD);
                if let Ok(runtime) = Handle::try_current() {
                    runtime.spawn(ending);
                }
            }
            Held::Pooled(_) | Held::Own(_) | Held::Gone => {}
        }
    }
}

impl Wire {
    async fn script(&mut self, sql: String) -> Result<(), sqlx::Error> {
        let script = sqlx::raw_sql(AssertSqlSafe(sql));
        on!(self, |connection, _Arguments| connection.execute(script).await.map(drop))
    }
}

/// Keeps the connection's place until the server has ended what it was doing: it knows nothing of a client that has
/// gone, and would work for more of them than there are connections.
async fn end_of_work(mut link: Object<Server>, deadline: Instant) {
    if let Wire::Postgres(connection) = &mut link.wire {
        // Answered after the statement before it.
        _ = timeout_at(deadline.into(), connection.ping()).await;
    }
    drop(Object::take(link));
}

impl fmt::Debug for Connection {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Connection").field("dialect", &self.dialect).finish_non_exhaustive()
    }
}

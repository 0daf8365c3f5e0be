//! Which steps were taken, and taking the others.

use std::{collections::BTreeSet, fmt, time::Duration};

use jiff::Timestamp;

use super::{
    super::{Connection, DbError, FromRow, Row, server::Dialect},
    Column, Step, Table,
    operation::Operation,
    shape::Shape,
};

/// What replicas that start at the same time wait for one another by: a number nobody else will use.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7219436001)";

/// A step may move a large table, and waits for the replica that began before.
const LONGEST: Duration = Duration::from_mins(10);

/// A step of a table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The table's first name.
    pub table: String,
    /// Its number.
    pub version: String,
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.table, self.version)
    }
}

/// What `migrate_record` tells, and what of the program's tables is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Steps that were taken, in that order, also those of other programs.
    pub recorded: Vec<Record>,
    /// Steps that have to be taken, in that order.
    pub pending: Vec<Version>,
    /// What Alembic says in its table, where the database has one: somebody else looks after its tables as well.
    pub alembic: Option<String>,
}

/// A step that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Which one.
    pub step: Version,
    /// Who has written it.
    pub author: Option<String>,
    /// When it was taken.
    pub time: Timestamp,
}

impl FromRow for Record {
    fn from_row(row: &Row<'_>) -> Result<Self, DbError> {
        let step = Version { table: row.get("table")?, version: row.get("version")? };
        Ok(Self { step, author: row.get("author")?, time: row.get("create_time")? })
    }
}

/// The record itself (contract 5.4.21).
fn record() -> [Operation; 2] {
    [
        Operation::CreateTable(vec![
            Column::serial("id"),
            Column::text("table", 128),
            Column::text("version", 32),
            Column::text("author", 128).nullable(),
            Column::time("create_time"),
        ]),
        Operation::AddIndex { columns: &["table", "version"], unique: true },
    ]
}

const RECORD: &str = "migrate_record";

fn version(table: &Table, step: &Step) -> Version {
    Version { table: table.name.to_owned(), version: format!("v{}", step.version) }
}

impl History {
    /// Reads the record.
    pub(crate) async fn read(connection: &mut Connection, tables: &[Table]) -> Result<Self, DbError> {
        let recorded: Vec<Record> = if exists(connection, RECORD).await? {
            let all = "SELECT \"table\", version, author, create_time FROM migrate_record ORDER BY id";
            connection.fetch(all, &[]).await?
        } else {
            Vec::new()
        };
        let steps =
            tables.iter().flat_map(|table| table.steps().into_iter().map(move |step| version(table, step)));
        let pending = steps.filter(|step| !recorded.iter().any(|record| record.step == *step)).collect();
        let alembic = if exists(connection, "alembic_version").await? {
            connection.fetch_value("SELECT version_num FROM alembic_version", &[]).await?
        } else {
            None
        };
        Ok(Self { recorded, pending, alembic })
    }

    /// The step that was taken last: Alembic's, else ours (contract 4.1.4).
    pub fn last(&self) -> Option<String> {
        let own = || self.recorded.last().map(|record| record.step.to_string());
        self.alembic.clone().or_else(own)
    }
}

/// Takes the pending steps, all of them or none; tells `report` of each operation. Safe while others do the same.
pub(crate) async fn migrate(
    connection: &mut Connection,
    tables: &[Table],
    report: &mut (dyn FnMut(String) + Send),
) -> Result<History, DbError> {
    connection.set_limit(LONGEST);
    connection.begin().await?;
    let outcome = steps(connection, tables, report).await;
    let end = if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" };
    match (outcome, connection.end(end).await) {
        (Ok(history), Ok(())) => Ok(history),
        // What went wrong first says more.
        (Err(error), _) | (Ok(_), Err(error)) => Err(error),
    }
}

async fn exists(connection: &mut Connection, table: &'static str) -> Result<bool, DbError> {
    let exists = match connection.dialect() {
        Dialect::Postgres => "SELECT to_regclass('\"' || $1 || '\"') IS NOT NULL",
        Dialect::Sqlite => "SELECT count(*) > 0 FROM sqlite_master WHERE type = 'table' AND name = $1",
    };
    Ok(connection.fetch_value(exists, &[table.into()]).await? == Some(true))
}

/// Whether none of the table's steps is recorded, and yet it has the columns that the last of them leaves: its record
/// was lost, as by a backup of some tables only.
async fn is_there(
    connection: &mut Connection,
    table: &Table,
    pending: &BTreeSet<Version>,
) -> Result<bool, DbError> {
    if !table.steps().iter().all(|step| pending.contains(&version(table, step))) {
        return Ok(false);
    }
    let dialect = connection.dialect();
    let mut last = Shape::new(table.name);
    for operation in table.steps().iter().flat_map(|step| &step.operations) {
        last.take(operation, dialect);
    }
    let columns = match dialect {
        Dialect::Postgres => {
            "SELECT column_name::text AS name FROM information_schema.columns
                WHERE table_schema = current_schema() AND table_name = $1"
        }
        Dialect::Sqlite => "SELECT name FROM pragma_table_info($1)",
    };
    let found: Vec<Name> = connection.fetch(columns, &[last.name().into()]).await?;
    let found: BTreeSet<_> = found.iter().map(|Name(name)| name.as_str()).collect();
    Ok(!found.is_empty() && found == last.columns().collect())
}

struct Name(String);

impl FromRow for Name {
    fn from_row(row: &Row<'_>) -> Result<Self, DbError> {
        row.get("name").map(Self)
    }
}

async fn steps(
    connection: &mut Connection,
    tables: &[Table],
    report: &mut (dyn FnMut(String) + Send),
) -> Result<History, DbError> {
    let dialect = connection.dialect();
    if dialect == Dialect::Postgres {
        let limit = format!("SET LOCAL statement_timeout = {}", LONGEST.as_millis());
        connection.script(limit).await?;
        connection.script(LOCK.to_owned()).await?;
    }
    // Only now: another replica may have been faster.
    let history = History::read(connection, tables).await?;
    if history.pending.is_empty() {
        return Ok(history);
    }
    if !exists(connection, RECORD).await? {
        let mut shape = Shape::new(RECORD);
        for operation in record() {
            for statement in shape.take(&operation, dialect) {
                connection.script(statement).await?;
            }
        }
    }
    let pending: BTreeSet<_> = history.pending.iter().cloned().collect();
    for table in tables {
        let is_there = is_there(connection, table, &pending).await?;
        if is_there {
            report(format!(
                "Migrating==> [{}] the table is there as its last step leaves it: recorded",
                table.name
            ));
        }
        let mut shape = Shape::new(table.name);
        for step in table.steps() {
            let version = version(table, step);
            let is_pending = pending.contains(&version);
            for operation in &step.operations {
                let statements = shape.take(operation, dialect);
                if is_pending && !is_there {
                    report(format!("Migrating==> [{}] {operation}", table.name));
                    for statement in statements {
                        connection.script(statement).await?;
                    }
                }
            }
            if is_pending {
                let insert = "INSERT INTO migrate_record(\"table\", version, author, create_time) VALUES ($1, $2, $3, $4)";
                let arguments = [
                    version.table.as_str().into(),
                    version.version.as_str().into(),
                    step.author.into(),
                    Timestamp::now().into(),
                ];
                connection.execute(insert, &arguments).await?;
            }
        }
    }
    History::read(connection, tables).await
}

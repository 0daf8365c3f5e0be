//! What a table looks like between two steps.

use super::{super::server::Dialect, Column, operation::Operation};

/// A table as it is once some of its steps were taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shape {
    name: &'static str,
    columns: Vec<Column>,
    indexes: Vec<Index>,
}

/// An index keeps its name when its table is renamed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Index {
    name: String,
    columns: &'static [&'static str],
    unique: bool,
}

impl Shape {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, ..Self::default() }
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn columns(&self) -> impl Iterator<Item = &'static str> {
        self.columns.iter().map(|column| column.name)
    }

    /// Takes a step's operation; returns the statements that do so.
    pub(super) fn take(&mut self, operation: &Operation, dialect: Dialect) -> Vec<String> {
        let table = self.name;
        match operation {
            Operation::CreateTable(columns) => {
                self.columns.clone_from(columns);
                vec![self.create("IF NOT EXISTS ", table, dialect)]
            }
            Operation::AddColumn(column) => {
                self.columns.push(*column);
                vec![format!("ALTER TABLE \"{table}\" ADD COLUMN {}", column.sql(dialect))]
            }
            Operation::RenameColumn { from, to } => {
                self.columns.iter_mut().filter(|c| c.name == *from).for_each(|c| c.name = to);
                vec![format!("ALTER TABLE \"{table}\" RENAME COLUMN \"{from}\" TO \"{to}\"")]
            }
            Operation::DropColumn(name) => {
                self.columns.retain(|column| column.name != *name);
                vec![format!("ALTER TABLE \"{table}\" DROP COLUMN \"{name}\"")]
            }
            Operation::AddNotNull(name) => self.set_nullable(name, false, dialect),
            Operation::DropNotNull(name) => self.set_nullable(name, true, dialect),
            Operation::RenameTable(to) => {
                self.name = to;
                vec![format!("ALTER TABLE \"{table}\" RENAME TO \"{to}\"")]
            }
            Operation::AddIndex { columns, unique } => {
                let name = format!("{table}_{}", columns.join("_"));
                let index = Index { name, columns, unique: *unique };
                let sql = index.sql(table);
                self.indexes.push(index);
                vec![sql]
            }
            Operation::DropIndex(columns) => {
                let dropped = self.indexes.extract_if(.., |index| index.columns == *columns);
                dropped.map(|index| format!("DROP INDEX \"{}\"", index.name)).collect()
            }
            Operation::Run { postgres, sqlite, what: _ } => {
                vec![(*if dialect == Dialect::Postgres { postgres } else { sqlite }).to_owned()]
            }
        }
    }

    fn create(&self, condition: &str, name: &str, dialect: Dialect) -> String {
        let columns: Vec<_> = self.columns.iter().map(|column| column.sql(dialect)).collect();
        format!("CREATE TABLE {condition}\"{name}\" ({})", columns.join(", "))
    }

    fn set_nullable(&mut self, name: &str, nullable: bool, dialect: Dialect) -> Vec<String> {
        let table = self.name;
        self.columns.iter_mut().filter(|c| c.name == name).for_each(|c| c.nullable = nullable);
        if dialect == Dialect::Postgres {
            let verb = if nullable { "DROP" } else { "SET" };
            return vec![format!("ALTER TABLE \"{table}\" ALTER COLUMN \"{name}\" {verb} NOT NULL")];
        }
        // SQLite can't change a column: the rows move into a table that has it the other way.
        let (moved, names) = (format!("{table}_moved"), self.names());
        let mut statements = vec![
            self.create("", &moved, dialect),
            format!("INSERT INTO \"{moved}\" ({names}) SELECT {names} FROM \"{table}\""),
            format!("DROP TABLE \"{table}\""),
            format!("ALTER TABLE \"{moved}\" RENAME TO \"{table}\""),
        ];
        statements.extend(self.indexes.iter().map(|index| index.sql(table)));
        statements
    }

    fn names(&self) -> String {
        self.columns.iter().map(|column| format!("\"{}\"", column.name)).collect::<Vec<_>>().join(", ")
    }
}

impl Index {
    fn sql(&self, table: &str) -> String {
        let unique = if self.unique { "UNIQUE " } else { "" };
        let columns: Vec<_> = self.columns.iter().map(|column| format!("\"{column}\"")).collect();
        format!("CREATE {unique}INDEX \"{}\" ON \"{table}\" ({})", self.name, columns.join(", "))
    }
}

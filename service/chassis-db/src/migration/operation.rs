//! What a step does to its table.

use std::fmt;

use super::Column;

/// One change of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operation {
    CreateTable(Vec<Column>),
    AddColumn(Column),
    RenameColumn { from: &'static str, to: &'static str },
    DropColumn(&'static str),
    AddNotNull(&'static str),
    DropNotNull(&'static str),
    RenameTable(&'static str),
    AddIndex { columns: &'static [&'static str], unique: bool },
    DropIndex(&'static [&'static str]),
    Run { what: &'static str, postgres: &'static str, sqlite: &'static str },
}

/// `add_column: sex`, as it is told (contract 5.4.20).
impl fmt::Display for Operation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateTable(columns) => {
                let names: Vec<_> = columns.iter().map(|column| column.name).collect();
                write!(out, "create_table: {}", names.join(", "))
            }
            Self::AddColumn(column) => write!(out, "add_column: {}", column.name),
            Self::RenameColumn { from, to } => write!(out, "rename_column: {from} to {to}"),
            Self::DropColumn(name) => write!(out, "drop_column: {name}"),
            Self::AddNotNull(name) => write!(out, "add_not_null: {name}"),
            Self::DropNotNull(name) => write!(out, "drop_not_null: {name}"),
            Self::RenameTable(to) => write!(out, "rename_table: {to}"),
            Self::AddIndex { columns, unique: false } => write!(out, "add_index: {}", columns.join(", ")),
            Self::AddIndex { columns, unique: true } => {
                write!(out, "add_index: unique {}", columns.join(", "))
            }
            Self::DropIndex(columns) => write!(out, "drop_index: {}", columns.join(", ")),
            Self::Run { what, .. } => write!(out, "run: {what}"),
        }
    }
}

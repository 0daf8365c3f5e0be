//! Columns of tables.

use super::super::server::Dialect;

/// A column: its name, its type, and whether it may be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    pub(super) name: &'static str,
    kind: Kind,
    pub(super) nullable: bool,
    default: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Serial,
    Bool,
    Integer,
    BigInteger,
    Real,
    Text(u16),
    Time,
}

impl Column {
    /// The number of a row, given by the database; the table's primary key.
    pub const fn serial(name: &'static str) -> Self {
        Self::of(name, Kind::Serial)
    }

    /// A truth value.
    pub const fn bool(name: &'static str) -> Self {
        Self::of(name, Kind::Bool)
    }

    /// A whole number of 32 bits.
    pub const fn integer(name: &'static str) -> Self {
        Self::of(name, Kind::Integer)
    }

    /// A whole number of 64 bits.
    pub const fn big_integer(name: &'static str) -> Self {
        Self::of(name, Kind::BigInteger)
    }

    /// A number.
    pub const fn real(name: &'static str) -> Self {
        Self::of(name, Kind::Real)
    }

    /// A text of at most `longest` characters; SQLite takes longer ones as well.
    pub const fn text(name: &'static str, longest: u16) -> Self {
        Self::of(name, Kind::Text(longest))
    }

    /// A point in time.
    pub const fn time(name: &'static str) -> Self {
        Self::of(name, Kind::Time)
    }

    /// May be empty.
    #[must_use]
    pub const fn nullable(self) -> Self {
        Self { nullable: true, ..self }
    }

    /// What it holds where nothing is given, as an SQL literal: needed for a column that may not be empty and is added
    /// to a table with rows.
    #[must_use]
    pub const fn default_to(self, literal: &'static str) -> Self {
        Self { default: Some(literal), ..self }
    }

    const fn of(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, nullable: false, default: None }
    }

    /// As it stands in `CREATE TABLE`.
    pub(super) fn sql(&self, dialect: Dialect) -> String {
        let (postgres, sqlite) = match self.kind {
            Kind::Serial => ("serial PRIMARY KEY", "INTEGER PRIMARY KEY AUTOINCREMENT"),
            Kind::Bool => ("boolean", "BOOLEAN"),
            Kind::Integer => ("integer", "INTEGER"),
            Kind::BigInteger => ("bigint", "INTEGER"),
            Kind::Real => ("double precision", "REAL"),
            Kind::Text(_) => ("varchar", "varchar"),
            Kind::Time => ("timestamptz", "TEXT"),
        };
        let kind = if dialect == Dialect::Postgres { postgres } else { sqlite };
        let length = if let Kind::Text(longest) = self.kind { format!("({longest})") } else { String::new() };
        let null = if self.nullable || self.kind == Kind::Serial { "" } else { " NOT NULL" };
        let default = self.default.map(|literal| format!(" DEFAULT {literal}")).unwrap_or_default();
        format!("\"{}\" {kind}{length}{null}{default}", self.name)
    }
}

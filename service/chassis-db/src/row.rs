//! Values that come out of a statement.

use jiff::Timestamp;
use sqlx::{Decode, Type, ValueRef as _, postgres::PgRow, sqlite::SqliteRow};

use super::DbError;

/// One row of a result.
#[derive(Clone, Copy)]
pub struct Row<'r>(Kind<'r>);

#[derive(Clone, Copy)]
enum Kind<'r> {
    Postgres(&'r PgRow),
    Sqlite(&'r SqliteRow),
}

impl Row<'_> {
    /// The value of a column. An error when there is no such column or it is of another type.
    pub fn get<T: Column>(&self, column: &str) -> Result<T, DbError> {
        self.value(column).map_err(DbError::Failed)
    }

    pub(super) fn value<T: Column>(&self, column: impl Index) -> Result<T, sqlx::Error> {
        match self.0 {
            Kind::Postgres(row) => T::postgres(row, column),
            Kind::Sqlite(row) => T::sqlite(row, column),
        }
    }
}

impl<'r> From<&'r PgRow> for Row<'r> {
    fn from(row: &'r PgRow) -> Self {
        Self(Kind::Postgres(row))
    }
}

impl<'r> From<&'r SqliteRow> for Row<'r> {
    fn from(row: &'r SqliteRow) -> Self {
        Self(Kind::Sqlite(row))
    }
}

impl std::fmt::Debug for Row<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Row").finish_non_exhaustive()
    }
}

/// What a row is made into.
pub trait FromRow: Sized {
    /// Reads the columns.
    fn from_row(row: &Row<'_>) -> Result<Self, DbError>;
}

/// A column's name, or its number from 0.
pub trait Index: sqlx::ColumnIndex<PgRow> + sqlx::ColumnIndex<SqliteRow> {}

impl<T: sqlx::ColumnIndex<PgRow> + sqlx::ColumnIndex<SqliteRow>> Index for T {}

/// A type that a column can have: `bool`, `i32`, `i64`, `f64`, `String`, [`Timestamp`], and `Option` of these.
pub trait Column: Sized {
    #[doc(hidden)]
    fn postgres(row: &PgRow, column: impl Index) -> Result<Self, sqlx::Error>;
    #[doc(hidden)]
    fn sqlite(row: &SqliteRow, column: impl Index) -> Result<Self, sqlx::Error>;
}

macro_rules! column {
    ($($type:ty),*) => {$(
        impl Column for $type {
            fn postgres(row: &PgRow, column: impl Index) -> Result<Self, sqlx::Error> {
                sqlx::Row::try_get(row, column)
            }

            fn sqlite(row: &SqliteRow, column: impl Index) -> Result<Self, sqlx::Error> {
                sqlx::Row::try_get(row, column)
            }
        }
    )*};
}

column!(bool, i32, f64, String);

/// Of every width: `count(*)` is wider than most columns.
impl Column for i64 {
    fn postgres(row: &PgRow, column: impl Index) -> Result<Self, sqlx::Error> {
        let value = sqlx::Row::try_get_raw(row, column)?;
        let narrow = <i32 as Type<sqlx::Postgres>>::compatible(&value.type_info());
        let number = if narrow {
            <i32 as Decode<sqlx::Postgres>>::decode(value).map(Self::from)
        } else {
            <Self as Decode<sqlx::Postgres>>::decode(value)
        };
        number.map_err(sqlx::Error::Decode)
    }

    fn sqlite(row: &SqliteRow, column: impl Index) -> Result<Self, sqlx::Error> {
        sqlx::Row::try_get(row, column)
    }
}

impl Column for Timestamp {
    fn postgres(row: &PgRow, column: impl Index) -> Result<Self, sqlx::Error> {
        sqlx::Row::try_get(row, column).map(jiff_sqlx::Timestamp::to_jiff)
    }

    fn sqlite(row: &SqliteRow, column: impl Index) -> Result<Self, sqlx::Error> {
        let text: &str = sqlx::Row::try_get(row, column)?;
        text.parse().map_err(|error: jiff::Error| sqlx::Error::Decode(error.into()))
    }
}

impl<T: Column> Column for Option<T> {
    fn postgres(row: &PgRow, column: impl Index) -> Result<Self, sqlx::Error> {
        let column = column.index(row)?;
        let is_null = sqlx::Row::try_get_raw(row, column)?.is_null();
        if is_null { Ok(None) } else { T::postgres(row, column).map(Some) }
    }

    fn sqlite(row: &SqliteRow, column: impl Index) -> Result<Self, sqlx::Error> {
        let column = column.index(row)?;
        let is_null = sqlx::Row::try_get_raw(row, column)?.is_null();
        if is_null { Ok(None) } else { T::sqlite(row, column).map(Some) }
    }
}

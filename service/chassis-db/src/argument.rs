//! Values that go into a statement.

use std::fmt;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::{Arguments, error::BoxDynError, postgres::PgArguments, sqlite::SqliteArguments};

/// The value of `$1`, `$2` and so on; made by `into()` from the types of its variants and from `Option` of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Argument<'a> {
    /// A truth value.
    Bool(Option<bool>),
    /// A whole number.
    Integer(Option<i64>),
    /// A number.
    Real(Option<f64>),
    /// A text.
    Text(Option<&'a str>),
    /// A point in time, kept to the microsecond.
    Time(Option<Timestamp>),
}

macro_rules! from {
    ($($type:ty => $variant:ident),* $(,)?) => {$(
        impl<'a> From<$type> for Argument<'a> {
            fn from(value: $type) -> Self {
                Self::$variant(Some(value.into()))
            }
        }

        impl<'a> From<Option<$type>> for Argument<'a> {
            fn from(value: Option<$type>) -> Self {
                Self::$variant(value.map(Into::into))
            }
        }
    )*};
}

from!(bool => Bool, i32 => Integer, i64 => Integer, f64 => Real, &'a str => Text, Timestamp => Time);

impl<'a> From<&'a String> for Argument<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(Some(value))
    }
}

impl fmt::Display for Argument<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(Some(value)) => fmt::Display::fmt(value, out),
            Self::Integer(Some(value)) => fmt::Display::fmt(value, out),
            Self::Real(Some(value)) => fmt::Display::fmt(value, out),
            Self::Text(Some(value)) => fmt::Display::fmt(value, out),
            Self::Time(Some(value)) => fmt::Display::fmt(value, out),
            _ => out.write_str("null"),
        }
    }
}

/// `1,shanghai,null`
pub(super) struct List<'a>(pub &'a [Argument<'a>]);

impl fmt::Display for List<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(index, argument)| {
            out.write_str(if index > 0 { "," } else { "" })?;
            fmt::Display::fmt(argument, out)
        })
    }
}

/// Arguments as a driver takes them.
pub(super) trait Bind: Sized {
    fn bind(arguments: &[Argument<'_>]) -> Result<Self, sqlx::Error>;
}

impl Bind for PgArguments {
    fn bind(arguments: &[Argument<'_>]) -> Result<Self, sqlx::Error> {
        all(arguments, |bound: &mut Self, argument| match argument {
            Argument::Bool(value) => bound.add(value),
            Argument::Integer(value) => bound.add(value),
            Argument::Real(value) => bound.add(value),
            Argument::Text(value) => bound.add(value),
            Argument::Time(value) => bound.add(value.map(ToSqlx::to_sqlx)),
        })
    }
}

impl Bind for SqliteArguments {
    fn bind(arguments: &[Argument<'_>]) -> Result<Self, sqlx::Error> {
        all(arguments, |bound: &mut Self, argument| match argument {
            Argument::Bool(value) => Arguments::add(bound, value),
            Argument::Integer(value) => Arguments::add(bound, value),
            Argument::Real(value) => Arguments::add(bound, value),
            Argument::Text(value) => Arguments::add(bound, value),
            Argument::Time(value) => Arguments::add(bound, value.map(sortable)),
        })
    }
}

fn all<B: Arguments>(
    arguments: &[Argument<'_>],
    mut add: impl FnMut(&mut B, Argument<'_>) -> Result<(), BoxDynError>,
) -> Result<B, sqlx::Error> {
    let mut bound = B::default();
    arguments.iter().try_for_each(|argument| add(&mut bound, *argument)).map_err(sqlx::Error::Encode)?;
    Ok(bound)
}

/// Always as many digits: SQLite has no type for times, and texts of the same length sort as times do.
fn sortable(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_listed_with_commas() {
        let none: Option<&str> = None;
        let list = [1.into(), "shanghai".into(), none.into(), true.into(), 0.5.into()];
        assert_eq!(List(&list).to_string(), "1,shanghai,null,true,0.5");
    }
}

//! Whole numbers that the database can keep.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, Unexpected, Visitor},
};

/// A whole number of 32 bits. `2.0` is one as well: JSON Schema, which describes the members, makes no difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number(pub(super) i32);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Whole)
    }
}

struct Whole;

impl Visitor<'_> for Whole {
    type Value = Number;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "a whole number from {} to {}", i32::MIN, i32::MAX)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Number, E> {
        i32::try_from(number).map(Number).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Number, E> {
        i32::try_from(number).map(Number).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Number, E> {
        let whole = number.fract() == 0.0 && (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&number);
        if !whole {
            return Err(E::invalid_type(Unexpected::Float(number), &self));
        }
        #[expect(clippy::cast_possible_truncation, reason = "whole and in range")]
        let number = number as i32;
        Ok(Number(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_may_have_a_fraction_of_nothing() {
        let read = |text: &str| serde_json::from_str::<Number>(text).ok();
        for (text, number) in
            [("7", 7), ("-7", -7), ("297.0", 297), ("1e3", 1000), ("2147483647.0", i32::MAX)]
        {
            assert_eq!(read(text), Some(Number(number)), "{text}");
        }
        for text in ["1.5", "2147483648", "-2147483649.0", "1e300", "\"1\"", "null", "true"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}

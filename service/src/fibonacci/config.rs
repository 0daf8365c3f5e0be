//! Section `fibonacci`.

use chassis::config::{Value, section};

section! {
    /// How much a client may ask for.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Config in "fibonacci", pub fn read;
    /// The longest list. The digits of lists of 10000 numbers take 10.5 MB of memory, of 100000 1 GB.
    max_count: MaxCount = MaxCount::DEFAULT;
}

/// 1 to 100000 numbers (contract 3.4).
///
/// The digits grow with the square of the count, and once asked for they stay in memory: 10000 numbers are
/// 10.5 MB, 20000 are 42 MB, 100000 are 1 GB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxCount(u32);

impl MaxCount {
    const DEFAULT: Self = Self(10_000);
    const MOST: u32 = 100_000;

    /// `value`, brought into 1..=100000.
    pub const fn new(value: u32) -> Self {
        match value {
            0 => Self(1),
            Self::MOST.. => Self(Self::MOST),
            value => Self(value),
        }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl Value for MaxCount {
    const WRITE: &'static str = "a whole number from 1 to 100000, for example 10000";

    fn parse(text: &str) -> Option<Self> {
        let value: u32 = text.trim().parse().ok()?;
        (1..=Self::MOST).contains(&value).then_some(Self(value))
    }

    fn text(&self) -> String {
        self.0.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number_of_numbers() {
        for (text, limit) in [
            ("1", Some(1)),
            ("10000", Some(10_000)),
            ("100000", Some(100_000)),
            ("0", None),
            ("100001", None),
            ("-1", None),
            ("1e3", None),
            ("10k", None),
            ("", None),
        ] {
            assert_eq!(MaxCount::parse(text), limit.map(MaxCount::new), "{text}");
        }
        assert_eq!((MaxCount::new(0).get(), MaxCount::new(u32::MAX).get()), (1, 100_000));
    }
}

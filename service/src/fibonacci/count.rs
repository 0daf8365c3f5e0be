//! `count` of the query: how many numbers.

use super::{config::MaxCount, error::ListError};

/// The first `count` of the decoded query counts, names are case-sensitive (contract 3.1.7).
pub(super) fn of_query(pairs: &[(String, String)], most: MaxCount) -> Result<u32, ListError> {
    let count = pairs.iter().find(|(name, _)| name == "count").map(|(_, value)| value.as_str());
    match count {
        None | Some("") => Err(ListError::Missing),
        Some(text) => parse(text, most),
    }
}

/// Blanks around it, a sign and leading zeros are fine; other spellings of Python 2 (`5L`, digits of other
/// scripts) are not (contract 3.4).
fn parse(text: &str, most: MaxCount) -> Result<u32, ListError> {
    let text = text.trim();
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ListError::NotAnInteger);
    }
    let digits = digits.trim_start_matches('0');
    match (digits, negative) {
        ("", _) => Ok(0),
        (_, true) => Err(ListError::Negative),
        // A number too large for the machine is an integer all the same (contract 3.4).
        (digits, false) => {
            let count: Option<u32> = digits.parse().ok();
            count.filter(|count| *count <= most.get()).ok_or(ListError::TooMany(most.get()))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MOST: MaxCount = MaxCount::new(10_000);

    #[test]
    fn the_first_count_is_taken_by_its_exact_name() {
        let of = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> = pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            of_query(&pairs, MOST)
        };
        assert_eq!(of(&[("x", "1"), ("count", "2"), ("count", "3")]), Ok(2));
        assert_eq!(of(&[("count", ""), ("count", "3")]), Err(ListError::Missing));
        assert_eq!(of(&[("Count", "2"), ("counts", "2")]), Err(ListError::Missing));
        assert_eq!(of(&[]), Err(ListError::Missing));
    }

    #[test]
    fn huge_integers_are_out_of_bounds_and_not_of_the_wrong_type() {
        let huge = "9".repeat(5000);
        for text in ["10001", "4294967295", "4294967296", "18446744073709551616", &huge] {
            assert_eq!(parse(text, MOST), Err(ListError::TooMany(10_000)), "{text}");
            assert_eq!(parse(&format!("-{text}"), MOST), Err(ListError::Negative), "{text}");
        }
        assert_eq!(parse(&format!("{}7", "0".repeat(5000)), MOST), Ok(7));
    }

    proptest! {
        #[test]
        fn every_count_is_read_back(count in 0..=10_000_u32, zeros in 0..4_usize, sign in "[+]?", blank in "[ \t\n]{0,2}") {
            let text = format!("{blank}{sign}{}{count}{blank}", "0".repeat(zeros));
            prop_assert_eq!(parse(&text, MOST), Ok(count));
        }

        #[test]
        fn nothing_else_is_a_count(text in "\\PC{0,12}") {
            let integer = text.trim().trim_start_matches(['+', '-']).bytes().all(|b| b.is_ascii_digit());
            let parsed = parse(&text, MOST);
            prop_assert!(integer || parsed == Err(ListError::NotAnInteger), "{text:?}: {parsed:?}");
        }
    }
}

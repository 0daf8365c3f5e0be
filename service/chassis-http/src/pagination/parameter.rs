//! `offset` and `limit` as the client wrote them.

use crate::answer::Fault;

/// The number after `name=` in a decoded query: the first of that name counts, an empty one is none.
pub(super) fn number(
    query: &str,
    name: &str,
    allowed: impl FnOnce(i64) -> bool,
) -> Result<Option<i64>, Fault> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let Some((_, text)) = pairs.find(|(key, _)| key == name) else { return Ok(None) };
    if text.is_empty() {
        return Ok(None);
    }
    match parse(&text).filter(|number| allowed(*number)) {
        Some(number) => Ok(Some(number)),
        None => Err(Fault::new(format!("Invalid parameter '{name}={text}'"))),
    }
}

/// ASCII digits after an optional `+`; what doesn't fit is as wrong as what isn't a number (contract 4.7).
fn parse(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offset(query: &str) -> Result<Option<i64>, Fault> {
        number(query, "offset", |_| true)
    }

    #[test]
    fn the_grammar_is_digits_with_an_optional_plus() {
        for (query, value) in [
            ("offset=7", Some(7)),
            ("offset=%2B7", Some(7)),
            ("offset=007", Some(7)),
            ("offset=9223372036854775807", Some(i64::MAX)),
            ("offset=", None),
            ("offset", None),
            ("offset=&offset=3", None),
            ("x=1&offset=2&offset=3", Some(2)),
            ("Offset=1", None),
            ("", None),
        ] {
            assert_eq!(offset(query), Ok(value), "{query}");
        }
        for text in
            ["abc", "-1", "1.5", "1_0", "%D9%A3", "9223372036854775808", "99999999999999999999", "++1", "+"]
        {
            assert!(offset(&format!("offset={text}")).is_err(), "{text}");
        }
    }
}

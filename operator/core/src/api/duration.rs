use std::time::Duration;

/// Reads a duration as the API accepts it: one or more numbers, each with a unit (`500ms`, `60s`,
/// `1m30s`, `2h`). `None` for anything else; the CRD's rules refuse such a value earlier.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        // "ms" before "m": the longer unit first.
        let (unit, length) = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)]
            .into_iter()
            .find(|(unit, _)| rest.starts_with(unit))?;
        rest = &rest[unit.len()..];
        total = total.checked_add(Duration::from_millis(number.checked_mul(length)?))?;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::parse_duration;
    use rstest::rstest;
    use std::time::Duration;

    #[rstest]
    #[case("500ms", Some(500))]
    #[case("60s", Some(60_000))]
    #[case("1m30s", Some(90_000))]
    #[case("2h", Some(7_200_000))]
    #[case("", None)]
    #[case("60", None)]
    #[case("s", None)]
    #[case("1d", None)]
    #[case("-1s", None)]
    #[case("99999999999999999999s", None)]
    fn reads_a_number_with_a_unit(#[case] text: &str, #[case] millis: Option<u64>) {
        assert_eq!(parse_duration(text), millis.map(Duration::from_millis));
    }
}

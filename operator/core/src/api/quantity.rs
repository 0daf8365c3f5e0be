use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// A quantity in thousandths. None if it is none, or too fine for thousandths.
pub fn parse_quantity(text: &str) -> Option<i128> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let thousandths: i128 = match suffix {
        "m" => 1,
        "" => 1_000,
        "k" => 1_000_000,
        "M" => 1_000_000_000,
        "G" => 1_000_000_000_000,
        "T" => 1_000_000_000_000_000,
        "Ki" => 1_000 << 10,
        "Mi" => 1_000 << 20,
        "Gi" => 1_000 << 30,
        "Ti" => 1_000 << 40,
        _ => return None,
    };
    let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let scaled = digits.checked_mul(thousandths)?;
    (scaled % scale == 0).then_some(scaled / scale)
}

/// Thousandths as a quantity; of bytes in the largest multiple of 1024 that leaves no rest.
pub fn write_quantity(thousandths: i128, bytes: bool) -> Quantity {
    if thousandths % 1_000 != 0 {
        return Quantity(format!("{thousandths}m"));
    }
    let whole = thousandths / 1_000;
    let units = [("Gi", 30), ("Mi", 20), ("Ki", 10)].into_iter();
    let unit = units
        .map(|(unit, bits)| (unit, 1_i128 << bits))
        .find(|(_, size)| bytes && whole != 0 && whole % size == 0);
    Quantity(unit.map_or_else(|| whole.to_string(), |(unit, size)| format!("{}{unit}", whole / size)))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{parse_quantity, write_quantity};

    #[rstest]
    #[case("0.5", Some(500))]
    #[case("500m", Some(500))]
    #[case("1Gi", Some(1_000 << 30))]
    #[case("1.5k", Some(1_500_000))]
    #[case("0.0001", None)]
    #[case("1n", None)]
    #[case("", None)]
    #[case("lots", None)]
    fn quantities_are_read_in_thousandths(#[case] text: &str, #[case] thousandths: Option<i128>) {
        assert_eq!(parse_quantity(text), thousandths);
    }

    #[rstest]
    #[case("250m", false, "250m")]
    #[case("2000m", false, "2")]
    #[case("1024", false, "1024")]
    #[case("1536Mi", true, "1536Mi")]
    #[case("2048Mi", true, "2Gi")]
    #[case("0", true, "0")]
    #[case("1M", true, "1000000")]
    fn quantities_are_written_as_people_do(#[case] text: &str, #[case] bytes: bool, #[case] expected: &str) {
        assert_eq!(write_quantity(parse_quantity(text).unwrap(), bytes).0, expected);
    }
}

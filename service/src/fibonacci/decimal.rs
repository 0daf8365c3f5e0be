//! Numbers of any size, kept in decimal.
//!
//! What takes time in a list of large numbers is not adding but turning binary into decimal: a division per digit,
//! over the whole number, for each number anew. Limbs of 18 decimal digits need no division across limbs at all: a
//! sum is one pass with a carry, and a limb is written by itself.

/// Decimal digits of a limb. Two limbs and a carry fit 64 bits.
const DIGITS: usize = 18;
const BASE: u64 = 10_u64.pow(18);

/// A natural number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decimal {
    /// Least significant first, each below [`BASE`]; at least one, and the last is not zero unless it is the only one.
    limbs: Vec<u64>,
}

impl Decimal {
    /// A number of a single digit.
    pub(super) fn digit(digit: u8) -> Self {
        Self { limbs: vec![u64::from(digit % 10)] }
    }

    /// `self += other`, in place.
    pub(super) fn add(&mut self, other: &Self) {
        if self.limbs.len() < other.limbs.len() {
            self.limbs.resize(other.limbs.len(), 0);
        }
        let (low, high) = self.limbs.split_at_mut(other.limbs.len());
        let mut carry = 0;
        for (limb, other) in low.iter_mut().zip(&other.limbs) {
            let sum = *limb + *other + carry;
            carry = u64::from(sum >= BASE);
            *limb = sum - carry * BASE;
        }
        for limb in high {
            if carry == 0 {
                return;
            }
            let sum = *limb + carry;
            carry = u64::from(sum >= BASE);
            *limb = sum - carry * BASE;
        }
        if carry > 0 {
            self.limbs.push(carry);
        }
    }

    /// Appends the digits.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let Some((highest, others)) = self.limbs.split_last() else { return };
        let digits = eighteen(*highest);
        let zeros = digits.iter().take(DIGITS - 1).take_while(|digit| **digit == b'0').count();
        out.extend_from_slice(&digits[zeros..]);
        for limb in others.iter().rev() {
            out.extend_from_slice(&eighteen(*limb));
        }
    }

    /// How many digits there are at most.
    pub(super) fn digits_at_most(&self) -> usize {
        self.limbs.len() * DIGITS
    }
}

/// The digits of a limb, with leading zeros.
fn eighteen(limb: u64) -> [u8; DIGITS] {
    const TEN_TO_8: u64 = 10_u64.pow(8);
    let (upper, low) = (limb / TEN_TO_8, limb % TEN_TO_8);
    let (top, middle) = (upper / TEN_TO_8, upper % TEN_TO_8);
    let mut digits = [0; DIGITS];
    digits[..2].copy_from_slice(&eight(top)[6..]);
    digits[2..10].copy_from_slice(&eight(middle));
    digits[10..].copy_from_slice(&eight(low));
    digits
}

/// The digits of a number below 10^8, with leading zeros.
///
/// The number is halved in decimal three times, all parts of a step in one word: two lanes of four digits, four of
/// two, eight of one, the more significant part always in the lower lane, which comes first in memory. A division by
/// a constant is a multiplication and a shift that are exact for the range of a lane, and the mask takes away what
/// the next lane has shifted in.
fn eight(number: u64) -> [u8; 8] {
    let upper = number / 10_000;
    let fours = upper | (number - upper * 10_000) << 32;
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let twos = hundreds | (fours - hundreds * 100) << 16;
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    let ones = tens | (twos - tens * 10) << 8;
    (ones + 0x3030_3030_3030_3030).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use dashu_int::UBig;
    use proptest::prelude::*;

    use super::*;

    fn text(number: &Decimal) -> String {
        let mut out = Vec::new();
        number.write(&mut out);
        assert!(out.len() <= number.digits_at_most());
        String::from_utf8(out).unwrap()
    }

    /// Not for the product: everything there begins with 0 and 1.
    fn decimal(text: &str) -> Decimal {
        let digits = text.trim_start_matches('0').as_bytes();
        let limb = |digits: &[u8]| digits.iter().fold(0, |limb, digit| limb * 10 + u64::from(digit - b'0'));
        let limbs: Vec<u64> = digits.rchunks(DIGITS).map(limb).collect();
        if limbs.is_empty() { Decimal::digit(0) } else { Decimal { limbs } }
    }

    #[test]
    fn four_digits_are_exact_in_either_lane() {
        for number in 0..10_000_u64 {
            assert_eq!(eight(number), *format!("{number:08}").as_bytes(), "{number}");
            let shifted = number * 10_000 + 9_999 - number;
            assert_eq!(eight(shifted), *format!("{shifted:08}").as_bytes(), "{shifted}");
        }
    }

    #[test]
    fn limbs_keep_their_zeros_and_the_number_does_not() {
        for (limbs, expected) in [
            (vec![0], "0".to_owned()),
            (vec![7], "7".to_owned()),
            (vec![BASE - 1], "9".repeat(18)),
            (vec![0, 1], format!("1{}", "0".repeat(18))),
            (vec![5, 0, 70], format!("70{}5", "0".repeat(35))),
        ] {
            assert_eq!(text(&Decimal { limbs }), expected);
        }
    }

    #[test]
    fn a_carry_runs_through_every_limb() {
        for nines in [17, 18, 36, 37, 100] {
            let mut sum = decimal(&"9".repeat(nines));
            sum.add(&Decimal::digit(1));
            assert_eq!(text(&sum), format!("1{}", "0".repeat(nines)));
            let mut other_way = Decimal::digit(1);
            other_way.add(&decimal(&"9".repeat(nines)));
            assert_eq!(other_way, sum);
        }
    }

    proptest! {
        #[test]
        fn a_sum_is_that_of_another_library(a in "(0|9){0,60}[0-9]{1,90}", b in "[0-9]{1,90}(0|9){0,60}") {
            let (left, right): (UBig, UBig) = (a.parse().unwrap(), b.parse().unwrap());
            let mut sum = decimal(&a);
            sum.add(&decimal(&b));
            prop_assert_eq!(text(&sum), (left + right).to_string());
        }

        #[test]
        fn a_limb_is_written_with_all_its_digits(limb in 0..BASE) {
            prop_assert_eq!(eighteen(limb).to_vec(), format!("{limb:018}").into_bytes());
        }
    }
}

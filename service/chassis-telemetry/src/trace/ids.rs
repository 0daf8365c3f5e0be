//! Numbers of traces and spans, and how each header and collector writes them.

use std::fmt;

/// 128 bits; the upper 64 are 0 in a trace that was begun with 64. Never 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(u128);

/// 64 bits, never 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId(u64);

impl TraceId {
    /// A new one.
    pub fn random() -> Self {
        Self(fastrand::u128(1..))
    }

    /// 1 to 32 hexadecimal digits, not all of them 0.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let number = is_hex(text, 32).then(|| u128::from_str_radix(text, 16).ok())??;
        (number != 0).then_some(Self(number))
    }

    /// Without leading zeros, as `ot-tracer-traceid` and Zipkin's first format have it (contract 5.7.29).
    pub(super) fn short(self) -> String {
        format!("{:x}", self.0)
    }

    /// 16 digits if they suffice, else 32, as B3 and Zipkin's second format have it.
    pub(super) fn padded(self) -> String {
        if self.0 >> 64 == 0 { format!("{:016x}", self.0) } else { self.to_string() }
    }

    pub(super) fn bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// The part that decides on sampling: random in every convention.
    pub(super) fn low(self) -> u64 {
        u64::try_from(self.0 & u128::from(u64::MAX)).unwrap_or_default()
    }
}

impl SpanId {
    /// A new one.
    pub fn random() -> Self {
        Self(fastrand::u64(1..))
    }

    /// 1 to 16 hexadecimal digits, not all of them 0.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let number = is_hex(text, 16).then(|| u64::from_str_radix(text, 16).ok())??;
        (number != 0).then_some(Self(number))
    }

    pub(super) fn short(self) -> String {
        format!("{:x}", self.0)
    }

    pub(super) fn bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}

/// The number parsers of the standard library take a sign as well.
pub(super) fn is_hex(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// 32 digits, as in `traceparent`.
impl fmt::Display for TraceId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:032x}", self.0)
    }
}

/// 16 digits, as in `traceparent`.
impl fmt::Display for SpanId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:016x}", self.0)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_convention_has_its_spelling() {
        let long = TraceId::parse("0af7651916cd43dd8448eb211c80319c").unwrap();
        assert_eq!(long.to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(long.short(), "af7651916cd43dd8448eb211c80319c");
        assert_eq!(long.padded(), "0af7651916cd43dd8448eb211c80319c");
        let short = TraceId::parse("1c80319c").unwrap();
        assert_eq!(short.to_string(), "0000000000000000000000001c80319c");
        assert_eq!((short.short().as_str(), short.padded().as_str()), ("1c80319c", "000000001c80319c"));
        assert_eq!(SpanId::parse("B7").unwrap().to_string(), "00000000000000b7");
    }

    #[test]
    fn what_is_no_number_or_zero_is_none() {
        for bad in ["", "0", "00000000000000000000000000000000", "+1", "-1", "0x1", "g", "1 ", "é"] {
            assert_eq!(TraceId::parse(bad), None, "{bad}");
            assert_eq!(SpanId::parse(bad), None, "{bad}");
        }
        assert_eq!(TraceId::parse(&"1".repeat(33)), None);
        assert_eq!(SpanId::parse(&"1".repeat(17)), None);
    }
}

//! The query of another page of the same list.

/// `query` with `offset` and `limit` replaced where they stand, else appended in this order. Everything else is kept
/// as it was written, in its order, repeated keys included (contract 4.7).
pub(super) fn query(query: &str, offset: i64, limit: i64) -> String {
    let mut out = String::with_capacity(query.len() + 32);
    let mut missing = vec![("offset", offset), ("limit", limit)];
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let name = form_urlencoded::parse(pair.as_bytes()).next().map(|(name, _)| name).unwrap_or_default();
        if name == "offset" || name == "limit" {
            // A second one of the same name has never counted.
            if let Some(at) = missing.iter().position(|(own, _)| *own == name) {
                let (name, value) = missing.remove(at);
                push(&mut out, &format!("{name}={value}"));
            }
        } else {
            push(&mut out, pair);
        }
    }
    for (name, value) in missing {
        push(&mut out, &format!("{name}={value}"));
    }
    out
}

fn push(out: &mut String, pair: &str) {
    if !out.is_empty() {
        out.push('&');
    }
    escape(pair, out);
}

/// Servers are lenient about what a URL may contain; a link of ours is strict.
pub(super) fn escape(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | b'\'' | 0..=0x20 | 0x7f.. => {
                out.extend(["%", &format!("{byte:02X}")]);
            }
            byte => out.push(char::from(byte)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// contract 4.4.25
    #[test]
    fn other_parameters_are_kept_as_they_were_written() {
        for (before, after) in [
            ("", "offset=25&limit=10"),
            ("q=a%26b%20c", "q=a%26b%20c&offset=25&limit=10"),
            ("limit=1&q=x&offset=0", "limit=10&q=x&offset=25"),
            ("a=1&a=2&limit=3&b", "a=1&a=2&limit=10&b&offset=25"),
            ("offset=1&offset=2&&x", "offset=25&x&limit=10"),
            ("o%66fset=1", "offset=25&limit=10"),
            ("q=\"<x>\"'é", "q=%22%3Cx%3E%22%27%C3%A9&offset=25&limit=10"),
        ] {
            assert_eq!(query(before, 25, 10), after, "{before}");
        }
    }
}

//! `Apitrace: TOKEN`: a client's own name for a request, which it finds again in the log (contract 3.1.12).

use axum::http::HeaderMap;

const HEADER: &str = "apitrace";

/// Longer is no name; the log is not a place to store things.
const LONGEST: usize = 128;

/// Logs the token if there is one. It is not echoed.
pub(super) fn log(handler: &str, headers: &HeaderMap) {
    if let Some(token) = headers.get(HEADER) {
        tracing::info!("API CALL: {handler} TRACE: {}", harmless(token.as_bytes()));
    }
}

/// Nothing of a client may look like another log line or steer a terminal.
fn harmless(token: &[u8]) -> String {
    token[..token.len().min(LONGEST)].escape_ascii().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_cannot_forge_a_line() {
        for (token, expected) in [
            (&b"e1f0-42:a/b"[..], "e1f0-42:a/b"),
            (b"x\r\n2026-01-01 [ERROR] forged", r"x\r\n2026-01-01 [ERROR] forged"),
            (b"\x1b[2J\tend\xe9", r"\x1b[2J\tend\xe9"),
        ] {
            assert_eq!(harmless(token), expected);
        }
        assert_eq!(harmless(&[b'a'; 5000]).len(), LONGEST);
    }
}

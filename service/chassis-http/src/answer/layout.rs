//! How JSON is laid out.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::Envelope;

pub(super) const REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

/// Indented or not (contract 3.1.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// Two spaces per level.
    Pretty,
    /// No spaces.
    #[default]
    Compact,
}

impl Layout {
    /// Compact for scripts in a browser, pretty for everybody else.
    pub fn wanted(headers: &HeaderMap) -> Self {
        let script = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"XMLHttpRequest");
        if headers.get(REQUESTED_WITH).is_some_and(script) { Self::Compact } else { Self::Pretty }
    }
}

/// How one request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dialect {
    /// The policy of the router.
    pub envelope: Envelope,
    /// Of the JSON.
    pub layout: Layout,
}

impl Dialect {
    /// Looks at the headers only where the policy depends on them.
    pub fn of(envelope: Envelope, headers: &HeaderMap) -> Self {
        let layout = if envelope == Envelope::RawError { Layout::wanted(headers) } else { Layout::Compact };
        Self { envelope, layout }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_scripts_of_a_browser_get_the_compact_layout() {
        for (value, layout) in [
            ("XMLHttpRequest", Layout::Compact),
            ("xmlhttprequest", Layout::Compact),
            ("fetch", Layout::Pretty),
            ("", Layout::Pretty),
        ] {
            let headers = HeaderMap::from_iter([(REQUESTED_WITH, HeaderValue::from_static(value))]);
            assert_eq!(Layout::wanted(&headers), layout, "{value}");
        }
        assert_eq!(Layout::wanted(&HeaderMap::new()), Layout::Pretty);
    }
}

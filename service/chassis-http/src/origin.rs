//! Where the client believes to be: what absolute links begin with.

use axum::http::{HeaderMap, header};

use crate::context::{self, Trust};

/// Scheme, host and path prefix as the client sees them.
///
/// From `Host`; from `X-Forwarded-Proto` where the peer is one of `server.trusted_proxies`, and then with
/// `server.trust_forwarded` from `X-Forwarded-Host` and `-Prefix` too (contract 4.7). A host that is none is left out, so that links are relative to whatever the client used.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    host: Option<String>,
    secure: bool,
    prefix: String,
}

impl Origin {
    /// Of the request this task works on, whose headers these are.
    pub fn of(headers: &HeaderMap) -> Self {
        Self::seen(headers, context::trust())
    }

    fn seen(headers: &HeaderMap, trust: Trust) -> Self {
        // The first of a list is the one nearest to the client.
        let first = |name: &str| headers.get(name)?.to_str().ok()?.split(',').next().map(str::trim);
        let forwarded = |name: &str| first(name).filter(|_| trust == Trust::Place);
        let scheme = first("x-forwarded-proto").filter(|_| trust != Trust::Nothing);
        let host = forwarded("x-forwarded-host")
            .filter(|host| is_host(host))
            .or_else(|| first(header::HOST.as_str()).filter(|host| is_host(host)));
        let prefix = forwarded("x-forwarded-prefix").filter(|prefix| is_prefix(prefix)).unwrap_or_default();
        Self {
            host: host.map(str::to_owned),
            secure: scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")),
            prefix: prefix.trim_end_matches('/').to_owned(),
        }
    }

    /// `path`, which begins with a slash, as the client has to ask for it on the same host.
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// `path` as an absolute URL, or as [`path`](Self::path) says if the host is unknown.
    pub fn url(&self, path: &str) -> String {
        let Self { host, secure, prefix } = self;
        let scheme = if *secure { "https" } else { "http" };
        host.as_ref().map_or_else(|| self.path(path), |host| format!("{scheme}://{host}{prefix}{path}"))
    }
}

/// A name or an address, perhaps with a port: nothing that could end the authority of a URL.
fn is_host(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte))
}

/// `/a/b`, but not `//host`.
fn is_prefix(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    text.starts_with('/') && !text.starts_with("//") && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn url(headers: &[(&'static str, &'static str)], trust: Trust) -> String {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        Origin::seen(&headers, trust).url("/x?y=1")
    }

    #[test]
    fn only_a_trusted_proxy_says_where_the_client_is() {
        let headers = [
            ("host", "inner:8080"),
            ("x-forwarded-host", "api.example.com, proxy"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-prefix", "/shop/"),
        ];
        assert_eq!(url(&headers, Trust::Place), "https://api.example.com/shop/x?y=1");
        assert_eq!(url(&headers, Trust::Scheme), "https://inner:8080/x?y=1");
        assert_eq!(url(&headers, Trust::Nothing), "http://inner:8080/x?y=1");
        assert_eq!(url(&headers[..1], Trust::Place), "http://inner:8080/x?y=1");
    }

    #[test]
    fn what_is_no_host_or_prefix_is_not_used() {
        for bad in ["a/b", "evil\"x", "a b", "user@host", ""] {
            assert_eq!(url(&[("host", bad)], Trust::Nothing), "/x?y=1", "{bad}");
            assert_eq!(
                url(&[("host", "good"), ("x-forwarded-host", bad)], Trust::Place),
                "http://good/x?y=1",
                "{bad}"
            );
        }
        for bad in ["//evil.example", "shop", "/a?b", "/<"] {
            assert_eq!(
                url(&[("host", "h"), ("x-forwarded-prefix", bad)], Trust::Place),
                "http://h/x?y=1",
                "{bad}"
            );
        }
        assert_eq!(url(&[], Trust::Nothing), "/x?y=1");
        assert_eq!(url(&[("host", "[::1]:80")], Trust::Nothing), "http://[::1]:80/x?y=1");
    }
}

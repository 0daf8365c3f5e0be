//! An address to listen on, written as a URL.

use std::fmt;

use super::Value;

/// `http://HOST[:PORT]`. A URL has a scheme, a host and, if present, a numeric port (contract 1.4.25).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Name or address, an IPv6 address without its brackets.
    pub host: String,
    /// 80 when the URL names none; 0 takes a free port.
    pub port: u16,
}

impl Listen {
    /// All addresses of the machine.
    pub fn any(port: u16) -> Self {
        Self { host: "0.0.0.0".to_owned(), port }
    }

    /// Whether two listeners on one machine would get in each other's way.
    pub fn clashes_with(&self, other: &Self) -> bool {
        let wide = |host: &str| matches!(host, "0.0.0.0" | "::");
        let same_host = self.host == other.host || wide(&self.host) || wide(&other.host);
        self.port == other.port && self.port != 0 && same_host
    }

    /// A URL on which a client of the same machine reaches the listener.
    pub fn local_url(&self, path: &str) -> String {
        let host = match self.host.as_str() {
            "0.0.0.0" => "127.0.0.1",
            "::" => "::1",
            host => host,
        };
        format!("{}{path}", Self { host: host.to_owned(), port: self.port })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') {
            write!(out, "http://[{host}]:{port}")
        } else {
            write!(out, "http://{host}:{port}")
        }
    }
}

impl Value for Listen {
    const WRITE: &'static str = "a URL such as http://0.0.0.0:8080";

    fn parse(text: &str) -> Option<Self> {
        let uri: http::Uri = text.parse().ok()?;
        let authority = uri.authority()?;
        let bare = uri.path() == "/" && uri.query().is_none() && !authority.as_str().contains('@');
        let (host, port) = host_and_port(authority.as_str(), 80)?;
        let usable = bare && uri.scheme_str() == Some("http");
        usable.then_some(Self { host, port })
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

/// The two parts of `HOST[:PORT]`, an IPv6 address without its brackets. `http` accepts "host:abc" and "host:" as an
/// authority without a port; here they are none at all.
pub fn host_and_port(authority: &str, default: u16) -> Option<(String, u16)> {
    let (host, port) = authority
        .rsplit_once(':')
        .filter(|(_, port)| !port.contains(']'))
        .map_or((authority, Some(default)), |(host, port)| (host, port.parse().ok()));
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (!host.is_empty()).then_some((host.to_owned(), port?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_needs_scheme_host_and_a_numeric_port() {
        for bad in [
            "http://:5000",
            "http://h:abc",
            "www.x.com",
            "h:80",
            "https://h",
            "http://h/path",
            "",
            "http://h:70000",
            "http://u@h",
        ] {
            assert_eq!(Listen::parse(bad), None, "{bad}");
        }
        for (good, host, port) in [
            ("http://0.0.0.0:8080", "0.0.0.0", 8080),
            ("http://localhost", "localhost", 80),
            ("http://[::1]:9", "::1", 9),
            ("http://[::]", "::", 80),
        ] {
            assert_eq!(Listen::parse(good), Some(Listen { host: host.to_owned(), port }), "{good}");
        }
    }

    #[test]
    fn two_listeners_clash_on_the_same_port_of_overlapping_hosts() {
        let one = |host: &str, port| Listen { host: host.to_owned(), port };
        assert!(Listen::any(80).clashes_with(&one("127.0.0.1", 80)));
        assert!(!one("127.0.0.1", 80).clashes_with(&one("127.0.0.2", 80)));
        assert!(!Listen::any(0).clashes_with(&Listen::any(0)), "port 0 takes any free port");
    }
}

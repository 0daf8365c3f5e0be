//! How requests go to strangers: through a SOCKS proxy, under changing identities (contract 2.5).

use std::path::PathBuf;

use chassis_config::{
    ByteSize, Count, OrNone, Reader, Span, Timeout, Value, host_and_port, http_url, section,
};

section! {
    /// The section `proxy`, for [`proxied_client`](super).
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Proxy in "proxy", fn keys;
    /// The SOCKS5 proxy, for example Tor.
    socks_url: Option<SocksProxy> = None,
        above_file ["env_tor_socks_proxy", "ENV_TOR_SOCKS_PROXY"],
        in_file ["env_tor_socks_proxy", "ENV_TOR_SOCKS_PROXY"];
    /// Requests under one identity (contract 2.5.25).
    rotate_every: Count = Count::new(25);
    /// What to do when the proxy is away.
    fallback: Fallback = Fallback::Off;
    /// A list of user agents, one in each line; empty lines and those that begin with `#` are skipped. Without one
    /// requests name no user agent.
    user_agents_file: Option<PathBuf> = None;
    /// Where a newer list is, got through the proxy.
    user_agents_url: Option<Page> = None;
    /// How often that list is got.
    user_agents_interval: Timeout = Timeout::seconds(24 * 3600);
    /// How often a page is tried (contract 2.5.28).
    attempts: Count = Count::new(5);
    /// The pause after a page and before most further tries is at least this long.
    pause_from: Span = Span(Timeout::seconds(3).0);
    /// That pause is at most this long.
    pause_to: Span = Span(Timeout::seconds(6).0);
    /// For a connection to the proxy, or without one to the server.
    connect_timeout: Timeout = Timeout::seconds(10);
    /// For one try of a page.
    timeout: Timeout = Timeout::seconds(30);
    /// Redirects that are followed.
    max_redirects: Count = Count::new(30);
    /// Largest page.
    max_body: ByteSize = ByteSize(8 << 20);
    /// A page that says from which address it was asked.
    ip_url: Option<Page> = Page::parse("http://ipinfo.io/ip");
}

impl Proxy {
    /// Reads the section.
    pub fn read(reader: &mut Reader) -> Self {
        const CONTAINER: &str = "tor_container_id";
        if reader.accept(CONTAINER) || reader.variable(CONTAINER).is_some() {
            let reason = "new identities come from credentials, no container is restarted";
            reader.warn(format!("{CONTAINER} has no effect: {reason}"));
        }
        let proxy = Self::keys(reader);
        if proxy.pause_from > proxy.pause_to {
            let (from, to) = (proxy.pause_from.text(), proxy.pause_to.text());
            let reason = format!("{from} is longer than {to}; give the longer one to proxy.pause_to");
            reader.problem("proxy.pause_from and proxy.pause_to", reason);
        }
        proxy
    }
}

/// `socks5://HOST[:PORT]` or `socks5h://HOST[:PORT]`: names are resolved by the proxy in either case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocksProxy {
    /// Name or address, an IPv6 address without its brackets.
    pub host: String,
    /// 9150 when the URL names none (contract 2.5.27).
    pub port: u16,
}

impl std::fmt::Display for SocksProxy {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(out, "[{host}]:{port}") } else { write!(out, "{host}:{port}") }
    }
}

impl OrNone for SocksProxy {
    const WRITE: &'static str = "a URL such as socks5h://tor:9150, without a user and a password, or none";

    fn parse(text: &str) -> Option<Self> {
        let uri: http::Uri = text.trim().parse().ok()?;
        let authority = uri.authority()?.as_str();
        let (host, port) = host_and_port(authority, 9150)?;
        let bare = uri.path().len() <= 1 && uri.query().is_none() && !authority.contains('@');
        let usable = bare && port != 0 && matches!(uri.scheme_str(), Some("socks5" | "socks5h"));
        usable.then_some(Self { host, port })
    }

    fn text(&self) -> String {
        format!("socks5h://{self}")
    }

    fn refusal(text: &str) -> String {
        http_url::refusal(text, Self::WRITE)
    }
}

/// What to do when the proxy is away (contract 2.5.30).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// Requests fail; nothing goes past the proxy. A warning at start.
    Off,
    /// Requests go past the proxy, with a warning when that begins: whoever is asked sees the address of this machine.
    Warn,
    /// As `off`, and without the proxy the service does not start.
    Strict,
}

impl Value for Fallback {
    const WRITE: &'static str = "off, warn or strict";
    const STRING: bool = true;

    fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "off" => Some(Self::Off),
            "warn" => Some(Self::Warn),
            "strict" => Some(Self::Strict),
            _ => None,
        }
    }

    fn text(&self) -> String {
        format!("{self:?}").to_ascii_lowercase()
    }
}

/// The URL of a page: `http://` or `https://`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page(http::Uri);

impl Page {
    /// The URL.
    pub fn uri(&self) -> &http::Uri {
        &self.0
    }
}

impl OrNone for Page {
    const WRITE: &'static str = "a URL such as https://example.org/list.txt, without a password, or none";

    fn parse(text: &str) -> Option<Self> {
        http_url::parse(text).map(Self)
    }

    fn text(&self) -> String {
        self.0.to_string()
    }

    fn refusal(text: &str) -> String {
        http_url::refusal(text, Self::WRITE)
    }
}

#[cfg(test)]
mod tests {
    use chassis_config::{ConfigError, Loaded, Sources, load};

    use super::*;

    fn proxy(env: &[(&str, &str)]) -> Result<Loaded<Proxy>, ConfigError> {
        load(&Sources::default().with_env(env.iter().copied()), Proxy::read)
    }

    /// contract 2.5.27, contract 2.2.10
    #[test]
    fn the_proxy_is_a_socks_url_without_credentials() {
        for (text, host, port) in [
            ("socks5://127.0.0.1:9150", "127.0.0.1", 9150),
            ("socks5h://tor", "tor", 9150),
            ("socks5h://[::1]:1080/", "::1", 1080),
        ] {
            let config = proxy(&[("env_tor_socks_proxy", text)]).unwrap().config;
            assert_eq!(config.socks_url, Some(SocksProxy { host: host.to_owned(), port }), "{text}");
            let text = config.socks_url.text();
            assert_eq!(Option::<SocksProxy>::parse(&text), Some(config.socks_url), "{text}");
        }
        for bad in ["http://tor:9150", "tor:9150", "socks5://u:geheim@tor:1", "socks5://tor/x", ""] {
            assert_eq!(Option::<SocksProxy>::parse(bad), None, "{bad}");
            assert!(!Option::<SocksProxy>::refusal(bad).contains("geheim"));
        }
        let warned = proxy(&[("tor_container_id", "tor")]).unwrap().warnings.concat();
        assert!(warned.contains("new identities come from credentials"), "{warned}");
    }

    #[test]
    fn the_shorter_pause_comes_first() {
        let error = proxy(&[("CHASSIS_PROXY__PAUSE_FROM", "7s")]).unwrap_err().to_string();
        assert!(error.contains("7s is longer than 6s; give the longer one to proxy.pause_to"), "{error}");
        assert!(proxy(&[("CHASSIS_PROXY__PAUSE_FROM", "0s"), ("CHASSIS_PROXY__PAUSE_TO", "0s")]).is_ok());
    }
}

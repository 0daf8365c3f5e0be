//! Whether metrics are pushed, where to, and how often (contract 1.3, 1.4).

use std::{fmt, net::IpAddr, time::Duration};

use chassis_config::{Listen, Reader, Timeout, Value, host_and_port, section};

section! {
    /// The section `metrics`.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Metrics in "metrics", fn keys;
    /// Whether metrics are sent to [`statsd`](Self::statsd); `/metrics` is then absent from the service port and stays
    /// on the admin port.
    push: bool = false, above_file ["PYMICRO_SEND_METRICS"], in_file ["statsd.send_metrics"];
    /// Whether `/metrics` of the service port has the application's metrics only: none of the chassis and of the process
    /// (`chassis_*`, `process_*`), which the admin port has.
    application_only: bool = false;
    /// The statsd server, UDP.
    statsd: Statsd = Statsd::default(), above_file ["PYMICRO_STATSD"], in_file ["statsd.pymicro_statsd"];
    /// What is sent for an update of a [`Counter`](crate::metrics::Counter).
    updates: Updates = Updates::Each;
    /// How often everything that is not sent at once is sent.
    push_interval: Timeout = Timeout(Duration::from_secs(10));
    /// What the names of the workers' metrics begin with (contract 1.3.22).
    worker_prefix: MetricPrefix = MetricPrefix("uwsgi_pymicro".to_owned());
}

impl Metrics {
    /// Reads the section of a service that serves at `listen`.
    pub fn read(reader: &mut Reader, listen: &Listen) -> Self {
        let metrics = Self::keys(reader);
        if metrics.push && metrics.statsd.is_at(listen) {
            let reason = format!(
                "both are {}:{}, so the metrics would be sent to the service itself; name the statsd server in metrics.statsd or PYMICRO_STATSD",
                metrics.statsd.host, metrics.statsd.port
            );
            reader.problem("metrics.statsd and server.listen", reason);
        }
        metrics
    }
}

/// Where a statsd server listens: a URL whose scheme is only syntax (contract 1.3.20).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statsd {
    scheme: String,
    /// Name or address, an IPv6 address without its brackets. `0.0.0.0` is this machine.
    pub host: String,
    /// 9125 when the URL names none.
    pub port: u16,
}

impl Statsd {
    const PORT: u16 = 9125;

    /// Whether `listen` is the same place; the port of the one is UDP's and of the other TCP's, but nobody means that.
    fn is_at(&self, listen: &Listen) -> bool {
        self.port == listen.port
            && (self.host == listen.host || (is_local(&self.host) && is_local(&listen.host)))
    }
}

/// Whether `host` is this machine without a look at its interfaces.
fn is_local(host: &str) -> bool {
    host == "localhost"
        || host.parse().is_ok_and(|address: IpAddr| address.is_unspecified() || address.is_loopback())
}

impl Default for Statsd {
    fn default() -> Self {
        Self { scheme: "http".to_owned(), host: "0.0.0.0".to_owned(), port: Self::PORT }
    }
}

impl fmt::Display for Statsd {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, host, port } = self;
        if host.contains(':') {
            write!(out, "{scheme}://[{host}]:{port}")
        } else {
            write!(out, "{scheme}://{host}:{port}")
        }
    }
}

impl Value for Statsd {
    const WRITE: &'static str = "a URL such as http://statsd:9125";

    fn parse(text: &str) -> Option<Self> {
        let uri: http::Uri = text.trim().parse().ok()?;
        let authority = uri.authority()?.as_str();
        let bare = uri.path().len() <= 1 && uri.query().is_none() && !authority.contains('@');
        let (host, port) = host_and_port(authority, Self::PORT)?;
        let scheme = uri.scheme_str()?.to_owned();
        (bare && port != 0).then_some(Self { scheme, host, port })
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

/// How the updates of counters are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Updates {
    /// Each update at once, as one datagram of its own: `pymicro_req_total:1|c` (contract 1.3.20).
    Each,
    /// The sum of an interval, many counters in one datagram: `pymicro_req_total:37|c`. An update then costs one
    /// atomic addition and no system call; statsd counts the same in the end.
    Summed,
}

impl Value for Updates {
    const WRITE: &'static str = "each or summed";

    fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "each" => Some(Self::Each),
            "summed" => Some(Self::Summed),
            _ => None,
        }
    }

    fn text(&self) -> String {
        format!("{self:?}").to_ascii_lowercase()
    }
}

/// The first part of a metric's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricPrefix(pub(crate) String);

impl Value for MetricPrefix {
    const WRITE: &'static str = "letters, digits and underscores, at most 64, the first one no digit";

    fn parse(text: &str) -> Option<Self> {
        let named = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let begins = text.starts_with(|c: char| !c.is_ascii_digit());
        (named && begins && text.len() <= 64).then(|| Self(text.to_owned()))
    }

    fn text(&self) -> String {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use chassis_config::{ConfigError, Legacy, Sources, load};

    use super::*;

    fn metrics(env: &[(&str, &str)]) -> Result<(Metrics, Vec<String>), ConfigError> {
        let read = |reader: &mut Reader| {
            const LISTEN: &[Legacy] = &[Legacy::same("PYMICRO")];
            let listen = reader.key("server.listen").above_file(LISTEN).or(Listen::any(8080));
            Metrics::read(reader, &listen)
        };
        let loaded = load(&Sources::default().with_env(env.iter().copied()), read)?;
        Ok((loaded.config, loaded.warnings))
    }

    #[test]
    fn push_is_off_and_statsd_is_9125_of_this_machine() {
        let (metrics, _) = metrics(&[]).unwrap();
        assert_eq!((metrics.push, metrics.statsd.to_string()), (false, "http://0.0.0.0:9125".to_owned()));
    }

    #[test]
    fn contract_1_4_25_booleans_are_read_in_any_case_and_a_bad_one_keeps_the_layer_below() {
        for (text, push) in
            [("true", true), ("TRUE", true), ("True", true), ("false", false), ("FALSE", false)]
        {
            assert_eq!(metrics(&[("PYMICRO_SEND_METRICS", text)]).unwrap().0.push, push, "{text}");
        }
        for bad in ["yes", "1", "__import__('os')"] {
            let env = [("PYMICRO_SEND_METRICS", bad), ("PYMICRO_STATSD", "http://h:abc")];
            let (metrics, warnings) = metrics(&env).unwrap();
            assert_eq!((metrics.push, metrics.statsd), (false, Statsd::default()));
            assert_eq!(
                warnings,
                [
                    format!(
                        "variable PYMICRO_SEND_METRICS ignored: {bad:?} is not valid; write true or false; metrics.push stays false"
                    ),
                    "variable PYMICRO_STATSD ignored: \"http://h:abc\" is not valid; write a URL such as http://statsd:9125; metrics.statsd stays http://0.0.0.0:9125".to_owned(),
                ]
            );
        }
        assert!(metrics(&[("CHASSIS_METRICS__PUSH", "yes")]).is_err(), "the canonical variable is strict");
    }

    #[test]
    fn contract_1_3_20_the_scheme_of_the_url_is_only_syntax() {
        for (text, host, port) in [
            ("http://pymicro-metrics:9125", "pymicro-metrics", 9125),
            ("udp://10.0.0.1:8125", "10.0.0.1", 8125),
            ("statsd://[::1]:1", "::1", 1),
            ("http://h", "h", 9125),
        ] {
            let statsd = Statsd::parse(text).unwrap();
            assert_eq!((statsd.host.as_str(), statsd.port), (host, port), "{text}");
            assert_eq!(Statsd::parse(&statsd.text()), Some(statsd), "{text}");
        }
        for bad in
            ["", "h:9125", "http://:9125", "http://h:0", "http://h/x", "http://u@h:1", "http://h:70000"]
        {
            assert_eq!(Statsd::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn contract_1_3_23_statsd_at_the_service_address_is_refused_and_told() {
        for (listen, statsd) in [
            ("http://0.0.0.0:8080", "http://0.0.0.0:8080"),
            ("http://0.0.0.0:8080", "http://localhost:8080"),
            ("http://127.0.0.1:9125", "http://0.0.0.0:9125"),
            ("http://hello:8080", "http://hello:8080"),
        ] {
            let env = [("PYMICRO", listen), ("PYMICRO_STATSD", statsd), ("PYMICRO_SEND_METRICS", "true")];
            let error = metrics(&env).unwrap_err().to_string();
            assert!(error.contains("name the statsd server in metrics.statsd or PYMICRO_STATSD"), "{error}");
            assert!(metrics(&env[..2]).is_ok(), "without push nothing is sent");
        }
        let env = [("PYMICRO", "http://0.0.0.0:9125"), ("PYMICRO_STATSD", "http://metrics:9125")];
        assert!(metrics(&[env[0], env[1], ("PYMICRO_SEND_METRICS", "true")]).is_ok(), "another machine");
    }
}

//! Another service that this one asks.

use chassis_config::{BaseUrl, ByteSize, Count, Reader, Timeout};

/// The section `upstreams.<name>`; read it with [`Upstream::read`] and [`upstream_keys!`](crate::upstream_keys).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// Its name in metrics and messages.
    pub name: &'static str,
    /// Where it is; paths of requests are added to it. Default none, or what the reader was given.
    pub url: Option<BaseUrl>,
    /// For the whole of a call, with its retries and the wait for a connection. Default 10 s.
    pub timeout: Timeout,
    /// For one try. Default 5 s.
    pub try_timeout: Timeout,
    /// For a connection to be made. Default 2 s.
    pub connect_timeout: Timeout,
    /// How often a call is tried, 1 to 1024, default 3; see
    /// [`Upstream`](crate::Upstream#what-is-tried-again) for which.
    pub tries: Count,
    /// The pause before the second try, doubled for each further one, and a random part of it taken. Default 50 ms.
    pub retry_delay: Timeout,
    /// Requests on their way at a time, and connections kept open, 1 to 1024, default 64.
    pub max_connections: Count,
    /// Largest answer. Default 8 MiB.
    pub max_body: ByteSize,
}

/// Names of the keys of one upstream; made by [`upstream_keys!`](crate::upstream_keys).
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "each is the key of the field of that name")]
pub struct UpstreamKeys {
    pub name: &'static str,
    pub url: &'static str,
    pub timeout: &'static str,
    pub try_timeout: &'static str,
    pub connect_timeout: &'static str,
    pub tries: &'static str,
    pub retry_delay: &'static str,
    pub max_connections: &'static str,
    pub max_body: &'static str,
}

/// The keys `upstreams.<name>.url` and so on.
#[macro_export]
macro_rules! upstream_keys {
    ($name:literal) => {
        $crate::config::UpstreamKeys {
            name: $name,
            url: concat!("upstreams.", $name, ".url"),
            timeout: concat!("upstreams.", $name, ".timeout"),
            try_timeout: concat!("upstreams.", $name, ".try_timeout"),
            connect_timeout: concat!("upstreams.", $name, ".connect_timeout"),
            tries: concat!("upstreams.", $name, ".tries"),
            retry_delay: concat!("upstreams.", $name, ".retry_delay"),
            max_connections: concat!("upstreams.", $name, ".max_connections"),
            max_body: concat!("upstreams.", $name, ".max_body"),
        }
    };
}

impl Upstream {
    /// Reads the section.
    pub fn read(reader: &mut Reader, keys: UpstreamKeys) -> Self {
        Self {
            name: keys.name,
            url: reader.key(keys.url).about("Where it is; paths of requests are added to it.").or(None),
            timeout: reader.key(keys.timeout).about("For the whole of a call, with its retries and the wait for a connection.").or(Timeout::seconds(10)),
            try_timeout: reader.key(keys.try_timeout).about("For one try.").or(Timeout::seconds(5)),
            connect_timeout: reader.key(keys.connect_timeout).about("For a connection to be made.").or(Timeout::seconds(2)),
            tries: reader.key(keys.tries).about("How often a call is tried.").or(Count::new(3)),
            retry_delay: reader.key(keys.retry_delay).about("The pause before the second try, doubled for each further one, and a random part of it taken.").or(Timeout(std::time::Duration::from_millis(50))),
            max_connections: reader.key(keys.max_connections).about("Requests on their way at a time, and connections kept open.").or(Count::new(64)),
            max_body: reader.key(keys.max_body).about("Largest answer.").or(ByteSize(8 << 20)),
        }
    }
}

#[cfg(test)]
mod tests {
    use chassis_config::{Sources, Value, load};

    use super::*;

    #[test]
    fn an_upstream_is_a_section_of_its_own() {
        let env = [
            ("CHASSIS_UPSTREAMS__REGIONS__URL", "http://regions"),
            ("CHASSIS_UPSTREAMS__REGIONS__TIMEOUT", "3s"),
        ];
        let read = |reader: &mut Reader| Upstream::read(reader, upstream_keys!("regions"));
        let upstream = load(&Sources::default().with_env(env), read).unwrap().config;
        assert_eq!((upstream.name, upstream.timeout), ("regions", Timeout::seconds(3)));
        assert_eq!(upstream.url.text(), "http://regions/");
        for bad in ["regions", "ftp://regions", "http://u:p@regions", "http://regions?a=b"] {
            let env = [("CHASSIS_UPSTREAMS__REGIONS__URL", bad)];
            let error = load(&Sources::default().with_env(env), read).unwrap_err().to_string();
            assert!(
                error.contains("write a URL such as http://regions") && !error.contains("u:p"),
                "{error}"
            );
        }
    }
}

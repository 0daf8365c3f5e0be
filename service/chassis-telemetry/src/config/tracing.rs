//! Whether requests are traced, and where their spans go (contract 5.7).

use std::fmt;

use chassis_config::{OrNone, Reader, Timeout, Value, http_url, section};

section! {
    /// The section `tracing`. Requests are traced when a collector or the log is to get the spans; else nothing of
    /// this costs anything.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Tracing in "tracing", fn keys;
    /// An OpenTelemetry collector, by OTLP over HTTP. Without a path: `/v1/traces`.
    otlp_url: Option<Collector> = None,
        above_file ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", ("OTEL_EXPORTER_OTLP_ENDPOINT" => traces_of)];
    /// Zipkin. A path that ends in `/api/v1/spans` gets the first JSON format, every other one the second; without a path
    /// it is `/api/v2/spans`.
    zipkin_url: Option<Collector> = None, above_file ["ZIPKIN_SERVER"], in_file ["ZIPKIN_SERVER"];
    /// Whether each span is a line of the log as well.
    log: bool = false;
    /// Whether the span of a statement tells its arguments (contract 5.12): they are what users gave.
    db_args: bool = false;
    /// Of the traces that begin here, the part that is recorded. A trace that comes with a
    /// decision keeps it, within [`forced_per_second`](Self::forced_per_second).
    sample_rate: Rate = Rate(1.0);
    /// Requests a second that are recorded only because their headers say so; more are not
    /// recorded, and counted. Anybody can write these headers.
    forced_per_second: Spans = Spans(100);
    /// The headers that requests to other services get.
    propagation: Propagation = Propagation::ALL;
    /// Spans that wait for a collector; more are dropped and counted.
    queue: Spans = Spans(8192);
    /// Spans in one request to a collector.
    batch: Spans = Spans(512);
    /// How long spans wait for others to be sent with them.
    interval: Timeout = Timeout::seconds(1);
    /// How long a collector may take for an answer.
    timeout: Timeout = Timeout::seconds(5);
}

/// The endpoint of traces below that of everything.
fn traces_of(url: &str) -> String {
    format!("{}/v1/traces", url.trim_end_matches('/'))
}

impl Tracing {
    /// Reads the section.
    pub fn read(reader: &mut Reader) -> Self {
        let tracing = Self::keys(reader);
        let otlp_url = tracing.otlp_url.map(|url| url.with_path("/v1/traces"));
        let zipkin_url = tracing.zipkin_url.map(|url| url.with_path("/api/v2/spans"));
        Self { otlp_url, zipkin_url, ..tracing }
    }

    /// Whether anybody is to get the spans.
    pub fn is_on(&self) -> bool {
        self.zipkin_url.is_some() || self.otlp_url.is_some() || self.log
    }
}

/// The URL of a collector: `http://` or `https://`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collector(http::Uri);

impl Collector {
    /// The URL.
    pub fn uri(&self) -> &http::Uri {
        &self.0
    }

    /// With `path` if it has none.
    fn with_path(self, path: &'static str) -> Self {
        let mut parts = self.0.clone().into_parts();
        if self.0.path().len() <= 1 && self.0.query().is_none() {
            parts.path_and_query = Some(http::uri::PathAndQuery::from_static(path));
        }
        http::Uri::from_parts(parts).map_or(self, Self)
    }
}

impl OrNone for Collector {
    const WRITE: &'static str = "a URL such as http://zipkin:9411/api/v2/spans, without a password, or none";

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

/// A share from 0.0 to 1.0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate(pub f64);

impl Value for Rate {
    const WRITE: &'static str = "a number from 0.0 to 1.0";

    fn parse(text: &str) -> Option<Self> {
        let rate: f64 = text.trim().parse().ok()?;
        (0.0..=1.0).contains(&rate).then_some(Self(rate))
    }

    fn text(&self) -> String {
        format!("{:?}", self.0)
    }
}

/// 1 to 1048576 spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spans(pub usize);

impl Value for Spans {
    const WRITE: &'static str = "a whole number from 1 to 1048576";

    fn parse(text: &str) -> Option<Self> {
        let spans: usize = text.trim().parse().ok()?;
        (1..=1 << 20).contains(&spans).then_some(Self(spans))
    }

    fn text(&self) -> String {
        self.0.to_string()
    }
}

/// Conventions for the headers of outgoing requests: a list of `w3c`, `ot`, `b3` and `b3multi`, or `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a set of four")]
pub struct Propagation {
    /// `traceparent`, `tracestate`, `baggage`
    pub w3c: bool,
    /// `ot-tracer-traceid`, `ot-tracer-spanid`, `ot-tracer-sampled`, `ot-baggage-*`
    pub ot: bool,
    /// `b3`
    pub b3: bool,
    /// `x-b3-traceid`, `x-b3-spanid`, `x-b3-sampled`
    pub b3_multi: bool,
}

impl Propagation {
    /// Every convention.
    pub const ALL: Self = Self { w3c: true, ot: true, b3: true, b3_multi: true };

    const NONE: Self = Self { w3c: false, ot: false, b3: false, b3_multi: false };
}

impl fmt::Display for Propagation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { w3c, ot, b3, b3_multi } = *self;
        let all = [("w3c", w3c), ("ot", ot), ("b3", b3), ("b3multi", b3_multi)];
        let names: Vec<_> = all.into_iter().filter(|(_, on)| *on).map(|(name, _)| name).collect();
        out.write_str(if names.is_empty() { "none" } else { "" })?;
        out.write_str(&names.join(","))
    }
}

impl Value for Propagation {
    const WRITE: &'static str = "a list of w3c, ot, b3 and b3multi such as \"w3c,ot\", or none";
    const STRING: bool = true;

    fn parse(text: &str) -> Option<Self> {
        if text.trim() == "none" {
            return Some(Self::NONE);
        }
        text.split(',').map(str::trim).try_fold(Self::NONE, |set, name| {
            Some(match name {
                "w3c" => Self { w3c: true, ..set },
                "ot" => Self { ot: true, ..set },
                "b3" => Self { b3: true, ..set },
                "b3multi" => Self { b3_multi: true, ..set },
                _ => return None,
            })
        })
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

#[cfg(test)]
mod tests {
    use chassis_config::{Sources, load};

    use super::*;

    fn tracing(env: &[(&str, &str)]) -> Tracing {
        load(&Sources::default().with_env(env.iter().copied()), Tracing::read).unwrap().config
    }

    #[test]
    fn contract_5_7_29_without_a_collector_nothing_is_traced() {
        assert!(!tracing(&[]).is_on());
        let zipkin = tracing(&[("ZIPKIN_SERVER", "http://zipkin:9411/api/v1/spans")]);
        assert!(zipkin.is_on());
        assert_eq!(zipkin.zipkin_url.unwrap().uri().path(), "/api/v1/spans");
        let off = [("ZIPKIN_SERVER", "http://z:1/"), ("CHASSIS_TRACING__ZIPKIN_URL", "none")];
        assert!(!tracing(&off).is_on());
    }

    #[test]
    fn a_zipkin_url_without_a_path_gets_the_usual_one() {
        for (text, path) in [
            ("http://zipkin:9411", "/api/v2/spans"),
            ("http://zipkin:9411/", "/api/v2/spans"),
            ("http://zipkin:9411/api/v1/spans", "/api/v1/spans"),
            ("http://zipkin:9411/x", "/x"),
        ] {
            assert_eq!(tracing(&[("ZIPKIN_SERVER", text)]).zipkin_url.unwrap().uri().path(), path, "{text}");
        }
    }

    #[test]
    fn an_otlp_url_without_a_path_gets_the_usual_one() {
        for (name, text, url) in [
            ("CHASSIS_TRACING__OTLP_URL", "http://c:4318", "http://c:4318/v1/traces"),
            ("CHASSIS_TRACING__OTLP_URL", "https://c/x/y", "https://c/x/y"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/", "http://c:4318/v1/traces"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/base", "http://c:4318/base/v1/traces"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c:4318/x", "http://c:4318/x"),
        ] {
            assert_eq!(tracing(&[(name, text)]).otlp_url.unwrap().uri(), url, "{name}={text}");
        }
    }

    #[test]
    fn a_password_in_a_collectors_url_is_refused_and_not_repeated() {
        for bad in ["", "zipkin:9411", "ftp://z", "http://", "http://z:abc/", "http://u:geheim@z/"] {
            assert_eq!(Option::<Collector>::parse(bad), None, "{bad}");
        }
        let refusal = Option::<Collector>::refusal("http://u:geheim@z/");
        assert!(!refusal.contains("geheim"), "{refusal}");
    }

    #[test]
    fn a_rate_is_a_share() {
        for (text, rate) in [
            ("0", Some(0.0)),
            ("0.3", Some(0.3)),
            ("1.0", Some(1.0)),
            ("1.1", None),
            ("-0.1", None),
            ("NaN", None),
            ("30%", None),
        ] {
            assert_eq!(Rate::parse(text).map(|rate| rate.0), rate, "{text}");
        }
    }

    #[test]
    fn propagation_is_a_list() {
        for text in ["w3c,ot,b3,b3multi", "w3c", "ot,b3", "none"] {
            assert_eq!(Propagation::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Propagation::parse(" b3 , w3c ").unwrap().to_string(), "w3c,b3");
        assert_eq!(Propagation::parse("w3c,jaeger"), None);
        assert_eq!(Propagation::parse(""), None);
    }
}

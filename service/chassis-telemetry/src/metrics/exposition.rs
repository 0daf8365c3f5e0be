//! `GET /metrics` in both formats of Prometheus (contract 1.2.13).
//!
//! The text format is what every scraper understands; with `Accept: application/openmetrics-text`, as Prometheus sends
//! it, the answer is OpenMetrics 1.0. `?name[]=NAME`, once or several times, leaves all but these out: the name of a
//! metric or of one of its series, such as `x_bucket`.

use std::fmt::{self, Write};

use axum::http::{HeaderMap, header};
use prometheus::{
    Error, TextEncoder,
    proto::{Metric, MetricFamily, MetricType},
};

/// The text format and its version, as every scraper understands it (contract 1.2.13).
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How metrics are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The one that every scraper understands.
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Format {
    /// What the client takes.
    pub fn wanted(headers: &HeaderMap) -> Self {
        let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let takes = |range: &str| {
            let mut parts = range.split(';').map(str::trim);
            let refused = |weight: &str| weight.parse().is_ok_and(|weight: f32| weight <= 0.0);
            parts.next() == Some("application/openmetrics-text")
                && !parts.any(|part| part.strip_prefix("q=").is_some_and(refused))
        };
        if accepted.flat_map(|value| value.split(',')).any(takes) { Self::OpenMetrics } else { Self::Text }
    }

    /// Its media type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => CONTENT_TYPE,
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// `families` in this format.
    pub fn write(self, families: &[MetricFamily]) -> Result<String, Error> {
        match self {
            Self::Text => TextEncoder::new().encode_to_string(families),
            Self::OpenMetrics => {
                let mut text = String::new();
                families
                    .iter()
                    .try_for_each(|family| write_family(&mut text, family))
                    .and_then(|()| text.write_str("# EOF\n"))
                    .map_err(|error| Error::Msg(error.to_string()))?;
                Ok(text)
            }
        }
    }
}

/// Keeps the families that the parameters `name[]` of `query` ask for; all, if there is none.
pub fn select(families: &mut Vec<MetricFamily>, query: &str) {
    let parameters = form_urlencoded::parse(query.as_bytes());
    let names: Vec<_> = parameters.filter(|(key, _)| key == "name[]").map(|(_, name)| name).collect();
    let asked = |family: &MetricFamily| {
        let series: &[&str] = match family.get_field_type() {
            MetricType::HISTOGRAM => &["", "_bucket", "_sum", "_count"],
            MetricType::SUMMARY => &["", "_sum", "_count"],
            _ => &[""],
        };
        names.iter().any(|name| name.strip_prefix(family.name()).is_some_and(|rest| series.contains(&rest)))
    };
    if !names.is_empty() {
        families.retain(asked);
    }
}

fn write_family(text: &mut String, family: &MetricFamily) -> fmt::Result {
    let (kind, name) = match family.get_field_type() {
        // A counter is called without what its series end in.
        MetricType::COUNTER => ("counter", family.name().strip_suffix("_total").unwrap_or(family.name())),
        MetricType::GAUGE => ("gauge", family.name()),
        MetricType::HISTOGRAM => ("histogram", family.name()),
        MetricType::SUMMARY => ("summary", family.name()),
        MetricType::UNTYPED => ("unknown", family.name()),
    };
    writeln!(text, "# TYPE {name} {kind}\n# HELP {name} {}", Escaped(family.help()))?;
    family.get_metric().iter().try_for_each(|metric| match family.get_field_type() {
        MetricType::COUNTER => {
            let value = metric.get_counter().get_value();
            sample(text, name, "_total", metric, None, value)
        }
        MetricType::GAUGE => sample(text, name, "", metric, None, metric.get_gauge().get_value()),
        MetricType::UNTYPED => Ok(()),
        MetricType::SUMMARY => {
            let summary = metric.get_summary();
            for quantile in summary.get_quantile() {
                let label = Some(("quantile", quantile.quantile()));
                sample(text, name, "", metric, label, quantile.value())?;
            }
            sample(text, name, "_sum", metric, None, summary.sample_sum())?;
            count(text, name, "_count", metric, None, summary.sample_count())
        }
        MetricType::HISTOGRAM => {
            let histogram = metric.get_histogram();
            let all = histogram.get_sample_count();
            for bucket in histogram.get_bucket().iter().filter(|bucket| bucket.upper_bound().is_finite()) {
                let label = Some(("le", bucket.upper_bound()));
                count(text, name, "_bucket", metric, label, bucket.cumulative_count())?;
            }
            count(text, name, "_bucket", metric, Some(("le", f64::INFINITY)), all)?;
            sample(text, name, "_sum", metric, None, histogram.get_sample_sum())?;
            count(text, name, "_count", metric, None, all)
        }
    })
}

type Own = Option<(&'static str, f64)>;

fn sample(text: &mut String, name: &str, end: &str, metric: &Metric, own: Own, value: f64) -> fmt::Result {
    series(text, name, end, metric, own)?;
    writeln!(text, " {}", Number(value))
}

fn count(text: &mut String, name: &str, end: &str, metric: &Metric, own: Own, value: u64) -> fmt::Result {
    series(text, name, end, metric, own)?;
    writeln!(text, " {value}")
}

fn series(text: &mut String, name: &str, end: &str, metric: &Metric, own: Own) -> fmt::Result {
    write!(text, "{name}{end}")?;
    let mut before = '{';
    for label in metric.get_label() {
        write!(text, "{before}{}=\"{}\"", label.name(), Escaped(label.value()))?;
        before = ',';
    }
    if let Some((label, value)) = own {
        write!(text, "{before}{label}=\"{}\"", Number(value))?;
        before = ',';
    }
    if before == ',' { text.write_char('}') } else { Ok(()) }
}

/// Always with a decimal point, so that one bucket has one name.
struct Number(f64);

impl fmt::Display for Number {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            f64::INFINITY => out.write_str("+Inf"),
            f64::NEG_INFINITY => out.write_str("-Inf"),
            number if number.is_nan() => out.write_str("NaN"),
            number => write!(out, "{number:?}"),
        }
    }
}

struct Escaped<'t>(&'t str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '\\' => out.write_str("\\\\"),
            '"' => out.write_str("\\\""),
            '\n' => out.write_str("\\n"),
            c => out.write_char(c),
        })
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use prometheus::{Counter, Histogram, HistogramOpts, IntCounterVec, IntGauge, Opts, Registry};

    use super::*;

    fn families() -> Vec<MetricFamily> {
        let registry = Registry::new();
        let asked = IntCounterVec::new(Opts::new("asked_total", "How \"often\"\nand \\"), &["who"]).unwrap();
        asked.with_label_values(&["a\"b\\c\nd"]).inc();
        let plain = Counter::new("odd", "Without its ending").unwrap();
        plain.inc_by(0.5);
        let took =
            Histogram::with_opts(HistogramOpts::new("took_seconds", "Time").buckets(vec![0.5, 1.0])).unwrap();
        took.observe(0.75);
        let free = IntGauge::new("free", "Now").unwrap();
        free.set(-3);
        registry.register(Box::new(asked)).unwrap();
        registry.register(Box::new(plain)).unwrap();
        registry.register(Box::new(took)).unwrap();
        registry.register(Box::new(free)).unwrap();
        registry.gather()
    }

    /// contract 1.2.13
    #[test]
    fn openmetrics_has_its_own_spelling() {
        let expected = r#"# TYPE asked counter
# HELP asked How \"often\"\nand \\
asked_total{who="a\"b\\c\nd"} 1.0
# TYPE free gauge
# HELP free Now
free -3.0
# TYPE odd counter
# HELP odd Without its ending
odd_total 0.5
# TYPE took_seconds histogram
# HELP took_seconds Time
took_seconds_bucket{le="0.5"} 0
took_seconds_bucket{le="1.0"} 1
took_seconds_bucket{le="+Inf"} 1
took_seconds_sum 0.75
took_seconds_count 1
# EOF
"#;
        assert_eq!(Format::OpenMetrics.write(&families()).unwrap(), expected);
    }

    /// contract 1.2.13
    #[test]
    fn a_client_chooses_the_format() {
        let wanted = |accept: &'static str| {
            Format::wanted(&HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]))
        };
        let prometheus =
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        for accept in
            [prometheus, "text/html, application/openmetrics-text", "application/openmetrics-text; q=1"]
        {
            assert_eq!(wanted(accept), Format::OpenMetrics, "{accept}");
        }
        for accept in
            ["*/*", "text/plain", "application/openmetrics-text;q=0", "application/openmetrics-texts"]
        {
            assert_eq!(wanted(accept), Format::Text, "{accept}");
        }
        assert_eq!(Format::wanted(&HeaderMap::new()), Format::Text);
    }

    /// contract 1.2.13
    #[test]
    fn names_leave_the_others_out() {
        for (query, left) in [
            ("", &["asked_total", "free", "odd", "took_seconds"][..]),
            ("name=free", &["asked_total", "free", "odd", "took_seconds"]),
            ("name[]=free&name%5B%5D=asked_total", &["asked_total", "free"]),
            ("name[]=took_seconds_bucket", &["took_seconds"]),
            ("name[]=free_bucket", &[]),
        ] {
            let mut families = families();
            select(&mut families, query);
            assert_eq!(families.iter().map(MetricFamily::name).collect::<Vec<_>>(), left, "{query}");
        }
    }
}

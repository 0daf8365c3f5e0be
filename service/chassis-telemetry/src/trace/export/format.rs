use crate::config::Collector;

/// What a collector understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// JSON, `/api/v1/spans`.
    Zipkin1,
    /// JSON, `/api/v2/spans`.
    Zipkin2,
    /// `application/x-protobuf`
    Otlp,
}

impl Format {
    pub(super) fn of_zipkin(collector: &Collector) -> Self {
        if collector.uri().path().ends_with("/api/v1/spans") { Self::Zipkin1 } else { Self::Zipkin2 }
    }
}

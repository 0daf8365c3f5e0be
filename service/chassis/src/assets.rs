//! Files that are part of the program.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Read},
    sync::{Arc, OnceLock},
};

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use chassis_http::{Origin, answer::ServiceError};
use flate2::read::GzDecoder;

/// A page may use nothing but what comes from here. Swagger UI sets styles of single elements.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);

/// They change with the program only; after an update an hour of the old ones does no harm.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=3600");

/// What a browser does with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Html,
    Script,
    Style,
}

impl Kind {
    const fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Script => "text/javascript; charset=utf-8",
            Self::Style => "text/css; charset=utf-8",
        })
    }
}

/// A file.
#[derive(Debug, Clone)]
pub(crate) struct Asset {
    kind: Kind,
    bytes: Bytes,
    compressed: bool,
}

impl Asset {
    pub(crate) const fn plain(kind: Kind, bytes: &'static [u8]) -> Self {
        Self { kind, bytes: Bytes::from_static(bytes), compressed: false }
    }

    /// Kept by gzip, and sent so to those who understand it: everyone but small tools.
    pub(crate) const fn compressed(kind: Kind, bytes: &'static [u8]) -> Self {
        Self { kind, bytes: Bytes::from_static(bytes), compressed: true }
    }

    pub(crate) fn route(self) -> MethodRouter {
        let served = Arc::new(Served::of(self));
        get(async move |headers: HeaderMap| served.answer(&headers))
    }
}

/// A file as it is answered, again and again.
struct Served {
    asset: Asset,
    /// Of the content, however it is encoded: so a weak one.
    tag: HeaderValue,
    /// What a compressed one holds, once somebody has asked for it.
    inflated: OnceLock<Bytes>,
}

impl Served {
    fn of(asset: Asset) -> Self {
        let mut hasher = DefaultHasher::new();
        asset.bytes.hash(&mut hasher);
        // Digits are a header's value.
        let tag = HeaderValue::from_str(&format!("W/\"{:016x}\"", hasher.finish()));
        let tag = tag.unwrap_or_else(|_| HeaderValue::from_static("W/\"\""));
        Self { asset, tag, inflated: OnceLock::new() }
    }

    fn answer(&self, headers: &HeaderMap) -> Response {
        let Asset { kind, bytes, compressed } = &self.asset;
        let caching: [(HeaderName, HeaderValue); 3] = [
            (header::CACHE_CONTROL, CACHE),
            (header::ETAG, self.tag.clone()),
            (header::VARY, HeaderValue::from_static("accept-encoding")),
        ];
        if knows(headers, &self.tag) {
            return (StatusCode::NOT_MODIFIED, caching).into_response();
        }
        let own: [(HeaderName, HeaderValue); 3] = [
            (header::CONTENT_TYPE, kind.content_type()),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ];
        if !compressed {
            return (own, caching, bytes.clone()).into_response();
        }
        if takes_gzip(headers) {
            let encoding = [(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
            return (own, caching, encoding, bytes.clone()).into_response();
        }
        match self.inflated() {
            Ok(plain) => (own, caching, plain).into_response(),
            Err(error) => {
                tracing::error!("a file of the program cannot be read: {error}");
                ServiceError::Internal.into_response()
            }
        }
    }

    fn inflated(&self) -> io::Result<Bytes> {
        if let Some(plain) = self.inflated.get() {
            return Ok(plain.clone());
        }
        let mut plain = Vec::new();
        GzDecoder::new(self.asset.bytes.as_ref()).read_to_end(&mut plain)?;
        Ok(self.inflated.get_or_init(|| plain.into()).clone())
    }
}

/// Whether `If-None-Match` names this tag.
fn knows(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let tag = tag.to_str().map(opaque).unwrap_or_default();
    let known = headers.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    known.flat_map(|list| list.split(',')).any(|known| known.trim() == "*" || opaque(known) == tag)
}

/// Whether `Accept-Encoding` names gzip and does not rule it out with `q=0`.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted =
        headers.get_all(header::ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|list| list.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case("gzip") && weight != Some(0.0)
    })
}

/// `GET`: 302 to `path`, below the prefix of a trusted proxy.
pub(crate) fn redirect(path: &'static str) -> MethodRouter {
    get(async move |headers: HeaderMap| {
        let location = Origin::of(&headers).path(path);
        (StatusCode::FOUND, [(header::LOCATION, location)])
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_ask_for_it() {
        for (accepted, takes) in [
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("deflate", false),
            ("", false),
        ] {
            let headers =
                HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(accepted))]);
            assert_eq!(takes_gzip(&headers), takes, "{accepted}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn who_takes_no_gzip_costs_the_work_once() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(b"a file").unwrap();
        let served = Served::of(Asset::compressed(Kind::Html, gzip.finish().unwrap().leak()));
        let [first, second] = [served.inflated().unwrap(), served.inflated().unwrap()];
        assert_eq!(&*first, b"a file");
        assert_eq!(first.as_ptr(), second.as_ptr());
    }
}

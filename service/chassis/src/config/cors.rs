//! What pages of other origins may do.

use chassis_config::{Legacy, Optional, Reader};
use http::{HeaderName, HeaderValue, header};

/// The section `cors`. What is not set is not sent (contract 5.2.10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cors {
    /// Whose pages may read answers: an origin, or `*`. Default none.
    pub origin: Optional,
    /// Request headers they may send. Default none.
    pub headers: Optional,
    /// Methods they may use. Default none.
    pub methods: Optional,
}

impl Cors {
    pub(super) fn read(reader: &mut Reader) -> Self {
        const ORIGIN: &[Legacy] = &[Legacy::same("ACCESS_CONTROL_ALLOW_ORIGIN")];
        const HEADERS: &[Legacy] = &[Legacy::same("ACCESS_CONTROL_ALLOW_HEADERS")];
        const METHODS: &[Legacy] = &[Legacy::same("ACCESS_CONTROL_ALLOW_METHODS")];
        let cors = Self {
            origin: reader.key("cors.origin").above_file(ORIGIN).in_file(ORIGIN).or(Optional::NONE),
            headers: reader.key("cors.headers").above_file(HEADERS).in_file(HEADERS).or(Optional::NONE),
            methods: reader.key("cors.methods").above_file(METHODS).in_file(METHODS).or(Optional::NONE),
        };
        for (key, text) in cors.texts() {
            if text.is_some_and(|text| HeaderValue::from_str(text).is_err()) {
                reader.problem(key, "cannot be sent in a header; write it in one line");
            }
        }
        cors
    }

    /// The headers of every answer.
    pub(crate) fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let names = [
            header::ACCESS_CONTROL_ALLOW_ORIGIN,
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            header::ACCESS_CONTROL_ALLOW_METHODS,
        ];
        let values = self.texts().map(|(_, text)| text.and_then(|text| HeaderValue::from_str(text).ok()));
        names.into_iter().zip(values).filter_map(|(name, value)| Some((name, value?))).collect()
    }

    fn texts(&self) -> [(&'static str, Option<&str>); 3] {
        [
            ("cors.origin", self.origin.get()),
            ("cors.headers", self.headers.get()),
            ("cors.methods", self.methods.get()),
        ]
    }
}

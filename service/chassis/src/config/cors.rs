//! What pages of other origins may do.

use chassis_config::{Optional, Reader, section};
use http::{HeaderName, HeaderValue, header};

section! {
    /// The section `cors`. What is not set is not sent (contract 5.2.10).
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Cors in "cors", fn keys;
    /// Whose pages may read answers: an origin, or `*`.
    origin: Optional = Optional::NONE,
        above_file ["ACCESS_CONTROL_ALLOW_ORIGIN"],
        in_file ["ACCESS_CONTROL_ALLOW_ORIGIN"];
    /// Request headers that pages of other origins may send.
    headers: Optional = Optional::NONE,
        above_file ["ACCESS_CONTROL_ALLOW_HEADERS"],
        in_file ["ACCESS_CONTROL_ALLOW_HEADERS"];
    /// Methods that pages of other origins may use.
    methods: Optional = Optional::NONE,
        above_file ["ACCESS_CONTROL_ALLOW_METHODS"],
        in_file ["ACCESS_CONTROL_ALLOW_METHODS"];
}

impl Cors {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let cors = Self::keys(reader);
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

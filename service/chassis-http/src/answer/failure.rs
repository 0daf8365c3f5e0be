//! What a handler refuses, in its own words.

use std::borrow::Cow;

use axum::http::StatusCode;
use serde::Serialize;

/// What a handler refuses or fails at: a status, and what the dialects show of it.
///
/// | part | Raw | RawError | Meta | Code |
/// |---|---|---|---|---|
/// | [message](Self::message) | `message` | `error` | `errors[0].message` | `error`, and `message` has the words of the status |
/// | [faults](Self::fault) | joined, if there is no message | as Raw | `errors[]`, with `path` | as Raw |
/// | [code](Self::code) | | | | `code` |
/// | [detail](Self::detail) | | | | `error`, and the message is `message` |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub(crate) status: StatusCode,
    message: Option<Cow<'static, str>>,
    pub(crate) code: Code,
    pub(crate) detail: Option<Cow<'static, str>>,
    pub(crate) faults: Vec<Fault>,
}

impl Failure {
    /// A failure of this status. Its message is the status' own until [`message`](Self::message) or
    /// [`fault`](Self::fault) says something better, its code is 100001 (contract 5.1.5).
    pub const fn new(status: StatusCode) -> Self {
        Self { status, message: None, code: Code::UNSPECIFIC, detail: None, faults: Vec::new() }
    }

    /// Says what is wrong.
    #[must_use]
    pub fn message(self, message: impl Into<Cow<'static, str>>) -> Self {
        Self { message: Some(message.into()), ..self }
    }

    /// A code that programs can compare; 0 means success and is for no failure.
    #[must_use]
    pub fn code(self, code: impl Into<Code>) -> Self {
        Self { code: code.into(), ..self }
    }

    /// What a developer of a client should know besides the message. Never secrets or internals.
    #[must_use]
    pub fn detail(self, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// One of several things that are wrong, for example with one parameter each.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// The message, else the faults, else the words of the status.
    pub fn text(&self) -> Cow<'_, str> {
        match (&self.message, self.faults.as_slice()) {
            (Some(message), _) => Cow::Borrowed(message),
            (None, []) => Cow::Borrowed(words(self.status)),
            (None, [only]) => Cow::Borrowed(&only.message),
            (None, faults) => {
                faults.iter().map(|fault| fault.message.as_ref()).collect::<Vec<_>>().join("; ").into()
            }
        }
    }
}

/// The catalogue's messages (contract 5.1.5), its slips mended.
pub(super) fn words(status: StatusCode) -> &'static str {
    match status.as_u16() {
        420 => "Enhance Your Calm",
        _ => status.canonical_reason().unwrap_or("Error"),
    }
}

/// The code of a failure: a number, or a text where a contract has one (contract 5.1.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Code {
    /// `100001`
    Number(u32),
    /// `"10500"`
    Text(Cow<'static, str>),
}

impl Code {
    /// Of every failure that has none of its own (contract 5.1.4).
    pub const UNSPECIFIC: Self = Self::Number(100_001);
}

impl From<u32> for Code {
    fn from(code: u32) -> Self {
        Self::Number(code)
    }
}

impl From<&'static str> for Code {
    fn from(code: &'static str) -> Self {
        Self::Text(Cow::Borrowed(code))
    }
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    message: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<Cow<'static, str>>,
}

impl Fault {
    /// What is wrong.
    pub fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self { message: message.into(), path: None }
    }

    /// Where in the request, for example `items.3.name`.
    #[must_use]
    pub fn at(self, path: impl Into<Cow<'static, str>>) -> Self {
        Self { path: Some(path.into()), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_the_best_it_knows() {
        let failure = || Failure::new(StatusCode::BAD_REQUEST);
        assert_eq!(failure().text(), "Bad Request");
        assert_eq!(failure().fault(Fault::new("a")).text(), "a");
        assert_eq!(failure().fault(Fault::new("a")).fault(Fault::new("b").at("x")).text(), "a; b");
        assert_eq!(failure().fault(Fault::new("a")).message("both").text(), "both");
    }

    /// contract 5.1.5
    #[test]
    fn the_catalogue_has_a_message_for_each_of_its_statuses() {
        for (status, message) in [
            (400, "Bad Request"),
            (401, "Unauthorized"),
            (403, "Forbidden"),
            (404, "Not Found"),
            (406, "Not Acceptable"),
            (410, "Gone"),
            (420, "Enhance Your Calm"),
            (422, "Unprocessable Entity"),
            (429, "Too Many Requests"),
            (500, "Internal Server Error"),
            (502, "Bad Gateway"),
            (503, "Service Unavailable"),
            (504, "Gateway Timeout"),
        ] {
            let failure = Failure::new(StatusCode::from_u16(status).unwrap());
            assert_eq!((failure.text().as_ref(), &failure.code), (message, &Code::Number(100_001)));
        }
    }
}

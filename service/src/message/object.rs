//! A message: the object that came in, and what is added to it.

use std::time::{Duration, Instant, SystemTime};

use axum::http::StatusCode;
use chassis::answer::{Failure, ServiceError};
use serde_json::value::RawValue;

use super::{
    canonical::{self, Members},
    config::TimeFormat,
};

/// Why a body is not a message; the texts are the contract's (1.1.7, 1.1.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidMessage {
    /// Not JSON, or `null`.
    #[error("input should be JSON object")]
    NotJson,
    /// JSON, but something else.
    #[error("input should be single JSON object")]
    NotObject,
    /// More levels than anybody means.
    #[error("input is nested too deeply: more than {} levels", canonical::MAX_DEPTH)]
    TooDeep,
}

impl InvalidMessage {
    /// Of a text whose members were found already.
    fn of(error: &serde_json::Error) -> Self {
        if error.to_string().starts_with(canonical::TOO_DEEP) { Self::TooDeep } else { Self::NotJson }
    }
}

impl From<InvalidMessage> for ServiceError {
    fn from(invalid: InvalidMessage) -> Self {
        Failure::new(StatusCode::BAD_REQUEST).message(invalid.to_string()).into()
    }
}

/// How the handling ended (contract 1.1.4); the status is 200 in both cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Success,
    Failure,
}

impl Outcome {
    /// `pymicro.ret`
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Success => "0",
            Self::Failure => "-1",
        }
    }
}

/// When the handling began and how long it took. The duration comes from a clock that cannot be set, so that the end
/// is never before the beginning (contract 1.1.5).
#[derive(Debug, Clone, Copy)]
pub(super) struct Stopwatch {
    /// Since the Unix epoch.
    began: Duration,
    running: Instant,
}

impl Stopwatch {
    pub(super) fn start() -> Self {
        let began = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { began, running: Instant::now() }
    }

    fn times(self) -> [Duration; 2] {
        [self.began, self.began + self.running.elapsed()]
    }
}

/// Members that the answer has of its own.
const OWN: [&str; 3] = ["pymicro.s_time", "pymicro.e_time", "pymicro.ret"];

/// A valid message.
#[derive(Debug)]
pub(super) struct Message<'b>(Members<'b>);

impl<'b> Message<'b> {
    /// Content types play no role (contract 1.1.2).
    pub(super) fn parse(body: &'b [u8]) -> Result<Self, InvalidMessage> {
        let text = std::str::from_utf8(body).map_err(|_| InvalidMessage::NotJson)?;
        let value: &RawValue = serde_json::from_str(text).map_err(|_| InvalidMessage::NotJson)?;
        match value.get().as_bytes().first() {
            Some(b'{') => serde_json::from_str(value.get()).map(Self).map_err(|_| InvalidMessage::NotJson),
            Some(b'n') | None => Err(InvalidMessage::NotJson),
            Some(_) => Err(InvalidMessage::NotObject),
        }
    }

    /// The answer: our members as the document has them, then the others, of which ours win (contract 1.1.3), and a line
    /// break.
    pub(super) fn answer(
        self,
        stopwatch: Stopwatch,
        outcome: Outcome,
        format: TimeFormat,
    ) -> Result<String, InvalidMessage> {
        let [began, ended] = stopwatch.times().map(|time| written(time, format));
        let ret = outcome.code();
        let mut out = format!(r#"{{"pymicro.s_time":{began},"pymicro.e_time":{ended},"pymicro.ret":{ret}"#);
        for (key, value) in self.0 {
            if OWN.contains(&key.0.as_ref()) {
                continue;
            }
            out.push(',');
            canonical::write_string(&key.0, &mut out).map_err(|_| InvalidMessage::NotJson)?;
            out.push(':');
            canonical::write(value, &mut out).map_err(|error| InvalidMessage::of(&error))?;
        }
        out.push_str("}\n");
        Ok(out)
    }
}

/// Seconds since the epoch with microseconds.
fn written(time: Duration, format: TimeFormat) -> String {
    let (seconds, micros) = (time.as_secs(), time.subsec_micros());
    match format {
        TimeFormat::String => format!("\"{seconds}.{micros:06}\""),
        TimeFormat::Number => format!("{seconds}.{micros:06}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &str) -> String {
        let stopwatch =
            Stopwatch { began: Duration::from_micros(1_582_092_922_000_001), running: Instant::now() };
        let message = Message::parse(body.as_bytes()).unwrap();
        let answer = message.answer(stopwatch, Outcome::Success, TimeFormat::String).unwrap();
        // The end is now; everything else is fixed.
        let value: serde_json::Value = serde_json::from_str(&answer).unwrap();
        answer.replace(value["pymicro.e_time"].as_str().unwrap(), "END")
    }

    #[test]
    fn our_members_come_first_and_win() {
        assert_eq!(
            answer(r#"{"zoo":1,"pymicro.ret":9,"hello":"pymicro-flask","pymicro.f":2}"#),
            concat!(
                r#"{"pymicro.s_time":"1582092922.000001","pymicro.e_time":"END","pymicro.ret":0,"#,
                r#""hello":"pymicro-flask","pymicro.f":2,"zoo":1}"#,
                "\n"
            )
        );
        assert!(answer("{}").ends_with("\"pymicro.e_time\":\"END\",\"pymicro.ret\":0}\n"));
    }

    #[test]
    fn what_is_not_an_object_is_told_apart() {
        let error = |body: &[u8]| Message::parse(body).unwrap_err();
        for body in [
            &b"hello"[..],
            b"",
            b"null",
            b" null ",
            b"\xff",
            b"{\"a\":NaN}",
            b"{\"a\":Infinity}",
            b"{\"a\":1} x",
            b"{\"a\":}",
        ] {
            assert_eq!(error(body), InvalidMessage::NotJson, "{body:?}");
        }
        let nested = |levels| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        let handled = |body: &str| {
            let message = Message::parse(body.as_bytes()).unwrap();
            message.answer(Stopwatch::start(), Outcome::Success, TimeFormat::String)
        };
        assert!(handled(&nested(128)).is_ok());
        assert_eq!(handled(&nested(200)), Err(InvalidMessage::TooDeep));
        for body in ["[1]", r#"[{"a":1}]"#, "\"x\"", "1", "-1.5", "true", "false"] {
            assert_eq!(error(body.as_bytes()), InvalidMessage::NotObject, "{body}");
        }
    }
}

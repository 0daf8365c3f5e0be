use crate::api::Reason;

/// A condition without its generation and time.
#[derive(Debug, PartialEq)]
pub(super) struct Verdict(pub Option<bool>, pub Reason, pub String);

impl Verdict {
    pub fn yes(reason: Reason, message: impl Into<String>) -> Self {
        Self(Some(true), reason, message.into())
    }

    pub fn no(reason: Reason, message: impl Into<String>) -> Self {
        Self(Some(false), reason, message.into())
    }

    pub fn unknown(reason: Reason, message: impl Into<String>) -> Self {
        Self(None, reason, message.into())
    }
}

//! Why a request is refused, in the words of RFC 6750.

use std::fmt::{self, Write};

use chassis_http::answer::{ServiceError, TokenRefusal};
use chassis_telemetry::metrics::register;
use http::{HeaderValue, StatusCode};
use jsonwebtoken::errors::ErrorKind;
use prometheus::{Error, IntCounterVec, Opts, Registry};

/// A token that is missing or does not count. As an answer it names the reason, and nothing of the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) reason: Reason,
    /// What the token is not good for.
    scope: Option<Box<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    Missing,
    Several,
    NoKeys,
    NotUnderstood,
    Algorithm,
    UnknownKey,
    Signature,
    Expired,
    TooEarly,
    Issuer,
    Audience,
    Claims,
    Scope,
}

impl Reason {
    /// For metrics.
    fn label(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Several => "several",
            Self::NoKeys => "no_keys",
            Self::NotUnderstood => "not_understood",
            Self::Algorithm => "algorithm",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::Expired => "expired",
            Self::TooEarly => "too_early",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Claims => "claims",
            Self::Scope => "scope",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Missing => "a bearer token is needed",
            Self::Several => "there is more than one Authorization header",
            Self::NoKeys => "tokens cannot be checked yet",
            Self::NotUnderstood => "the token is not understood",
            Self::Algorithm => "the token's algorithm is not allowed for its key",
            Self::UnknownKey => "the token's key is not known",
            Self::Signature => "the token's signature is wrong",
            Self::Expired => "the token has expired",
            Self::TooEarly => "the token is not valid yet",
            Self::Issuer => "the token is of another issuer",
            Self::Audience => "the token is for another service",
            Self::Claims => "the token lacks iss, aud or exp",
            Self::Scope => "the token is not good for this",
        }
    }

    fn error(self) -> Option<&'static str> {
        match self {
            Self::Missing | Self::NoKeys => None,
            Self::Several => Some("invalid_request"),
            Self::Scope => Some("insufficient_scope"),
            _ => Some("invalid_token"),
        }
    }
}

impl Refusal {
    /// The token has not this scope.
    pub(super) fn scope(scope: &str) -> Self {
        Self { reason: Reason::Scope, scope: Some(scope.into()) }
    }

    fn status(&self) -> StatusCode {
        match self.reason {
            Reason::Several => StatusCode::BAD_REQUEST,
            Reason::NoKeys => StatusCode::SERVICE_UNAVAILABLE,
            Reason::Scope => StatusCode::FORBIDDEN,
            _ => StatusCode::UNAUTHORIZED,
        }
    }

    /// The value of `WWW-Authenticate`; none when a token would not help.
    fn challenge(&self) -> Option<HeaderValue> {
        if self.reason == Reason::NoKeys {
            return None;
        }
        let mut challenge = "Bearer realm=\"api\"".to_owned();
        // Writing to a string does not fail.
        if let Some(error) = self.reason.error() {
            let text = self.reason.text();
            _ = write!(challenge, ", error=\"{error}\", error_description=\"{text}\"");
        }
        if let Some(scope) = &self.scope {
            _ = write!(challenge, ", scope=\"{scope}\"");
        }
        HeaderValue::from_str(&challenge).ok()
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self { reason, scope: None }
    }
}

impl From<jsonwebtoken::errors::Error> for Refusal {
    fn from(error: jsonwebtoken::errors::Error) -> Self {
        let reason = match error.kind() {
            ErrorKind::InvalidSignature => Reason::Signature,
            ErrorKind::ExpiredSignature => Reason::Expired,
            ErrorKind::ImmatureSignature => Reason::TooEarly,
            ErrorKind::InvalidIssuer => Reason::Issuer,
            ErrorKind::InvalidAudience => Reason::Audience,
            ErrorKind::MissingRequiredClaim(_) => Reason::Claims,
            ErrorKind::InvalidAlgorithm => Reason::Algorithm,
            _ => Reason::NotUnderstood,
        };
        reason.into()
    }
}

impl From<Refusal> for ServiceError {
    fn from(refusal: Refusal) -> Self {
        let (status, challenge) = (refusal.status(), refusal.challenge());
        Self::Token(TokenRefusal { status, challenge, reason: refusal.to_string() })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.reason.text())?;
        self.scope.iter().try_for_each(|scope| write!(out, "; it needs the scope {scope}"))
    }
}

/// How many there were.
pub(super) struct Refusals(IntCounterVec);

impl Refusals {
    pub(super) fn register(registry: &Registry) -> Result<Self, Error> {
        let opts = Opts::new("chassis_auth_refusals_total", "Requests refused for their token, by reason");
        Ok(Self(register(registry, IntCounterVec::new(opts, &["reason"])?)?))
    }

    pub(super) fn count(&self, refusal: &Refusal) {
        self.0.with_label_values(&[refusal.reason.label()]).inc();
    }
}

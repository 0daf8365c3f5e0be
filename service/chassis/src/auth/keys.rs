//! Public keys of an issuer, each with what it may sign.

use jsonwebtoken::{
    Algorithm, DecodingKey, Header, Validation, decode,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    claims::Claims,
    refusal::{Reason, Refusal},
};
use crate::config;

/// What every token has to be, whatever its key.
pub(super) struct Rules {
    algorithms: config::Algorithms,
    validation: Validation,
}

impl Rules {
    pub(super) fn new(issuer: &config::Issuer, config: &config::Auth) -> Self {
        let mut validation = Validation::default();
        validation.set_required_spec_claims(&["iss", "aud", "exp"]);
        validation.set_issuer(&[issuer.as_str()]);
        validation.set_audience(&config.audience.iter().collect::<Vec<_>>());
        validation.validate_nbf = true;
        validation.leeway = config.leeway.0.as_secs();
        Self { algorithms: config.algorithms.clone(), validation }
    }
}

/// A key set (RFC 7517) without the keys that sign nothing for us.
pub(super) struct Keys(Vec<Key>);

struct Key {
    id: Option<String>,
    public: DecodingKey,
    /// Names the algorithms of this key: a token never chooses how it is checked.
    validation: Validation,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

impl Keys {
    /// Those of `document` that `rules` allow; others, and what is no key at all, are passed over.
    pub(super) fn parse(document: &[u8], rules: &Rules) -> Result<Self, serde_json::Error> {
        let Set { keys } = serde_json::from_slice(document)?;
        Ok(Self(
            keys.into_iter().filter_map(|key| Key::new(serde_json::from_value(key).ok()?, rules)).collect(),
        ))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The claims of `token`, whose header is `header`, if it counts.
    pub(super) fn check(&self, token: &str, header: &Header) -> Result<Claims, Refusal> {
        let Key { public, validation, .. } = self.find(header)?;
        Ok(Claims::new(decode(token, public, validation)?.claims))
    }

    /// One key at most: a check costs one signature.
    fn find(&self, header: &Header) -> Result<&Key, Reason> {
        let signs = |key: &&Key| key.validation.algorithms.contains(&header.alg);
        if header.kid.is_some() {
            let mut named = self.0.iter().filter(|key| key.id == header.kid).peekable();
            named.peek().ok_or(Reason::UnknownKey)?;
            return named.find(signs).ok_or(Reason::Algorithm);
        }
        let mut candidates = self.0.iter().filter(signs);
        match (candidates.next(), candidates.next()) {
            (Some(only), None) => Ok(only),
            (None, _) => Err(Reason::Algorithm),
            (Some(_), Some(_)) => Err(Reason::NotUnderstood),
        }
    }
}

impl Key {
    fn new(jwk: Jwk, rules: &Rules) -> Option<Self> {
        let Jwk { common, algorithm } = &jwk;
        let signs = common.public_key_use.as_ref().is_none_or(|used| *used == PublicKeyUse::Signature)
            && common.key_operations.as_ref().is_none_or(|able| able.contains(&KeyOperations::Verify));
        let named = common.key_algorithm.map(|named| named.to_string());
        let algorithms: Vec<Algorithm> = algorithms_of(algorithm)
            .iter()
            .copied()
            .filter(|each| named.as_ref().is_none_or(|named| *named == format!("{each:?}")))
            .filter(|each| rules.algorithms.allow(*each))
            .collect();
        if !signs || algorithms.is_empty() {
            return None;
        }
        let public = DecodingKey::from_jwk(&jwk).ok()?;
        let mut validation = rules.validation.clone();
        validation.algorithms = algorithms;
        Some(Self { id: jwk.common.key_id, public, validation })
    }
}

/// What keys of a kind can sign; nothing for a shared secret.
fn algorithms_of(key: &AlgorithmParameters) -> &'static [Algorithm] {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    match key {
        AlgorithmParameters::RSA(_) => &[RS256, RS384, RS512, PS256, PS384, PS512],
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => &[ES256],
            EllipticCurve::P384 => &[ES384],
            EllipticCurve::P521 | EllipticCurve::Ed25519 => &[],
        },
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => &[EdDSA],
        AlgorithmParameters::OctetKeyPair(_) | AlgorithmParameters::OctetKey(_) => &[],
    }
}

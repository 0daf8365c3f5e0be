//! Whose tokens count, and for what.

use std::{str::FromStr, time::Duration};

use chassis_config::{OrNone, Reader, Span, Timeout, Value, http_url, section};
use jsonwebtoken::{Algorithm, AlgorithmFamily};

section! {
    /// The section `auth`: bearer tokens of an OpenID Connect issuer; see [`crate::auth`].
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Auth in "auth", fn keys;
    /// The issuer, spelt as it spells itself in `iss`; its discovery document is below it. Without one nobody is asked for
    /// a token.
    issuer: Option<Issuer> = None;
    /// What the issuer calls this service; a token must be for one of these.
    audience: Words = Words::default();
    /// How tokens may be signed: all that are known, none of which needs a shared secret.
    algorithms: Algorithms = Algorithms::default();
    /// What every token must be good for.
    scopes: Words = Words::default();
    /// How far the issuer's clock may be from ours.
    leeway: Span = Span(Duration::from_secs(30));
    /// Paths of features that need no token: one of the OpenAPI document, or `/public/*` for all below it.
    exempt: Words = Words::default();
    /// How often the issuer's keys are fetched.
    refresh: Timeout = Timeout(Duration::from_hours(1));
    /// The shortest time between two fetches, whatever keys tokens name.
    pause: Timeout = Timeout::seconds(5);
}

impl Auth {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let auth = Self::keys(reader);
        match (&auth.issuer, auth.audience.is_empty()) {
            (Some(_), true) => reader.problem(
                "auth.audience",
                "is missing, and a token for any other service would count here; write what the issuer calls this service",
            ),
            // One of them is a slip, and the service would be open to all.
            (None, false) => reader.problem(
                "auth.issuer",
                "is missing, so auth.audience would protect nothing; write the issuer's URL, or remove auth.audience",
            ),
            _ => {}
        }
        auth
    }

    /// Whether a feature's route is answered to holders of a token only.
    pub(crate) fn guards(&self, route: &str) -> bool {
        let route = route.trim_end_matches('/');
        let is_exempt = |path: &str| match path.strip_suffix("/*") {
            Some(above) => route.strip_prefix(above).is_some_and(|rest| rest.starts_with('/')),
            None => route == path.trim_end_matches('/'),
        };
        self.issuer.is_some() && !self.exempt.iter().any(is_exempt)
    }
}

/// The URL of an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer(String);

impl Issuer {
    /// As it was written: issuers are compared letter by letter.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl OrNone for Issuer {
    const WRITE: &'static str = "a URL such as https://login.example.org/realms/main, or none";

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let url = http_url::parse(text)?;
        (url.query().is_none() && !text.contains('#')).then(|| Self(text.to_owned()))
    }

    fn text(&self) -> String {
        self.0.clone()
    }

    fn refusal(text: &str) -> String {
        http_url::refusal(text, Self::WRITE)
    }
}

/// Words with commas or blanks between them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Words(Vec<String>);

impl Words {
    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty())
}

impl Value for Words {
    const WRITE: &'static str = "words with blanks between them, for example \"orders.read orders.write\"; ASCII, without quotes and backslashes";
    const STRING: bool = true;

    fn parse(text: &str) -> Option<Self> {
        // What RFC 6749 allows in a scope.
        let good = |word: &str| word.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
        words(text).all(good).then(|| Self(words(text).map(str::to_owned).collect()))
    }

    fn text(&self) -> String {
        self.0.join(" ")
    }
}

/// Ways to sign for which a public key is enough. With a shared secret whoever can check a token could make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Algorithms(Vec<Algorithm>);

impl Algorithms {
    pub(crate) fn allow(&self, algorithm: Algorithm) -> bool {
        self.0.contains(&algorithm)
    }
}

impl Default for Algorithms {
    fn default() -> Self {
        use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
        Self(vec![RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA])
    }
}

impl Value for Algorithms {
    const WRITE: &'static str =
        "one or more of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 and EdDSA";
    const STRING: bool = true;

    fn parse(text: &str) -> Option<Self> {
        let asymmetric = |word| {
            let algorithm = Algorithm::from_str(word).ok()?;
            (algorithm.family() != AlgorithmFamily::Hmac).then_some(algorithm)
        };
        let algorithms = words(text).map(asymmetric).collect::<Option<Vec<_>>>()?;
        (!algorithms.is_empty()).then_some(Self(algorithms))
    }

    fn text(&self) -> String {
        self.0.iter().map(|algorithm| format!("{algorithm:?}")).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use chassis_config::{ConfigError, Loaded, Sources, load};

    use super::*;

    fn auth(env: &[(&str, &str)]) -> Result<Loaded<Auth>, ConfigError> {
        load(&Sources::default().with_env(env.iter().copied()), Auth::read)
    }

    const ISSUER: (&str, &str) = ("CHASSIS_AUTH__ISSUER", "https://login.example.org");
    const AUDIENCE: (&str, &str) = ("CHASSIS_AUTH__AUDIENCE", "orders");

    #[test]
    fn an_issuer_and_an_audience_belong_together() {
        assert_eq!(auth(&[]).unwrap().config.issuer, None);
        assert!(auth(&[ISSUER, AUDIENCE]).is_ok());
        let error = auth(&[ISSUER]).unwrap_err().to_string();
        assert!(error.contains("auth.audience: is missing"), "{error}");
        let error = auth(&[AUDIENCE]).unwrap_err().to_string();
        assert!(error.contains("auth.issuer: is missing, so auth.audience would protect nothing"), "{error}");
    }

    #[test]
    fn an_issuer_is_kept_letter_by_letter() {
        for text in ["https://login.example.org", "https://login.example.org/", "http://h:1/realms/x"] {
            let issuer = Option::<Issuer>::parse(text).unwrap().unwrap();
            assert_eq!((issuer.as_str(), Some(issuer.clone()).text().as_str()), (text, text));
        }
        for bad in ["login", "ftp://h", "https://u:p@h", "https://h?a=b", "https://h/#x"] {
            assert_eq!(Option::<Issuer>::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn shared_secrets_and_no_signature_are_no_algorithms() {
        for bad in ["HS256", "none", "RS256, HS512", "", "rs256"] {
            let env = [ISSUER, AUDIENCE, ("CHASSIS_AUTH__ALGORITHMS", bad)];
            assert_eq!(Algorithms::parse(bad), None, "{bad}");
            assert_eq!(auth(&env).is_ok(), bad.is_empty(), "an empty variable counts as unset: {bad}");
        }
        let some = Algorithms::parse("ES256,EdDSA").unwrap();
        assert!(some.allow(Algorithm::EdDSA) && !some.allow(Algorithm::RS256));
        assert_eq!(Algorithms::parse(&Algorithms::default().text()), Some(Algorithms::default()));
    }

    #[test]
    fn exempt_paths_are_those_of_the_document_or_all_below() {
        let exempt = ("CHASSIS_AUTH__EXEMPT", "/products /simple/*");
        let auth = auth(&[ISSUER, AUDIENCE, exempt]).unwrap().config;
        for (route, guarded) in [
            ("/products", false),
            ("/products/", false),
            ("/products/{id}", true),
            ("/simple/{id}", false),
            ("/simple", true),
            ("/simpler/{id}", true),
            ("/", true),
        ] {
            assert_eq!(auth.guards(route), guarded, "{route}");
        }
    }
}

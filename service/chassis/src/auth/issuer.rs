//! Where the keys come from: the issuer's discovery document (OpenID Connect Discovery 1.0) and the key set it names.

use std::time::Duration;

use chassis_client::{Answer, CallError, Upstream, Upstreams};
use http::{StatusCode, Uri};
use serde::Deserialize;

use super::keys::{Keys, Rules};
use crate::config::{self, BaseUrl, ByteSize, Count, Timeout, Value};

/// Below the issuer's URL.
pub(crate) const DISCOVERY: &str = "/.well-known/openid-configuration";

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub(super) enum IssuerError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("{url} answered {status}")]
    Status { url: String, status: StatusCode },
    #[error("it calls itself {0:?}; write exactly that in auth.issuer")]
    OtherName(String),
    #[error("{0:?} is not a URL that its keys can be fetched from")]
    KeysUrl(String),
    #[error("its key set is not understood")]
    KeySet(#[from] serde_json::Error),
    #[error("it has no key for any of auth.algorithms")]
    NoKeys,
}

pub(super) struct Issuer {
    /// As it spells itself.
    name: String,
    rules: Rules,
    site: Site,
    discovery: String,
    upstreams: Upstreams,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl Issuer {
    pub(super) fn new(
        issuer: &config::Issuer,
        rules: Rules,
        upstreams: &Upstreams,
    ) -> Result<Self, CallError> {
        let name = issuer.as_str().to_owned();
        let (base, path) = split(&name).unwrap_or_default();
        let discovery = format!("{}{DISCOVERY}", path.trim_end_matches('/'));
        Ok(Self { site: Site::new(base, upstreams)?, name, rules, discovery, upstreams: upstreams.clone() })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The keys of now.
    pub(super) async fn keys(&self) -> Result<Keys, IssuerError> {
        let Discovery { issuer, jwks_uri } = self.site.get(&self.discovery).await?.json()?;
        if issuer != self.name {
            return Err(IssuerError::OtherName(issuer));
        }
        // Over http anybody on the way could be the issuer.
        let downgraded = self.name.starts_with("https:") && !jwks_uri.starts_with("https:");
        let Some((base, path)) = split(&jwks_uri).filter(|_| !downgraded) else {
            return Err(IssuerError::KeysUrl(jwks_uri));
        };
        let keys = if base == self.site.base {
            self.site.get(&path).await?
        } else {
            Site::new(base, &self.upstreams)?.get(&path).await?
        };
        let keys = Keys::parse(keys.body(), &self.rules)?;
        if keys.is_empty() { Err(IssuerError::NoKeys) } else { Ok(keys) }
    }
}

/// A server with its connections.
struct Site {
    base: Option<BaseUrl>,
    upstream: Upstream,
}

impl Site {
    fn new(base: Option<BaseUrl>, upstreams: &Upstreams) -> Result<Self, CallError> {
        const NAME: &str = "auth";
        let config = config::Upstream {
            name: NAME,
            url: base.clone(),
            timeout: Timeout::seconds(10),
            try_timeout: Timeout::seconds(10),
            connect_timeout: Timeout::seconds(5),
            // Whoever fetches tries again, at a pace of its own.
            tries: Count::new(1),
            retry_delay: Timeout(Duration::from_millis(50)),
            max_connections: Count::new(1),
            max_body: ByteSize(1 << 20),
        };
        Ok(Self { upstream: upstreams.open(&config)?, base })
    }

    async fn get(&self, path: &str) -> Result<Answer, IssuerError> {
        let answer = self.upstream.get(path).send().await?;
        if answer.status() == StatusCode::OK {
            return Ok(answer);
        }
        let site = self.base.as_ref().map(|base| base.uri().to_string()).unwrap_or_default();
        let url = format!("{}{path}", site.trim_end_matches('/'));
        Err(IssuerError::Status { url, status: answer.status() })
    }
}

/// The server of a URL, and the path with its query.
fn split(url: &str) -> Option<(Option<BaseUrl>, String)> {
    let uri: Uri = url.parse().ok()?;
    let base = Option::<BaseUrl>::parse(&format!("{}://{}", uri.scheme_str()?, uri.authority()?))?;
    Some((base, uri.path_and_query()?.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_server_and_a_path() {
        for (url, base, path) in [
            ("https://h/realms/x/jwks?a=b", "https://h", "/realms/x/jwks?a=b"),
            ("http://h:1", "http://h:1", "/"),
        ] {
            assert_eq!(split(url), Some((Option::<BaseUrl>::parse(base).unwrap(), path.to_owned())));
        }
        for bad in ["/jwks", "ftp://h/", "http://u:p@h/"] {
            assert_eq!(split(bad), None, "{bad}");
        }
    }
}

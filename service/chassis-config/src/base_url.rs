//! Where another server is: what paths are added to.

use super::{OrNone, http_url};

/// `http://` or `https://`, a host, and perhaps a path; no user and no query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(http::Uri);

impl BaseUrl {
    /// The URL.
    pub fn uri(&self) -> &http::Uri {
        &self.0
    }

    /// The URL with `path` added, which may have a query. Exactly one slash is between them.
    pub fn join(&self, path: &str) -> Option<http::Uri> {
        let mut parts = self.0.clone().into_parts();
        let joined = format!("{}/{}", self.0.path().trim_end_matches('/'), path.trim_start_matches('/'));
        parts.path_and_query = Some(joined.parse().ok()?);
        http::Uri::from_parts(parts).ok()
    }
}

impl OrNone for BaseUrl {
    const WRITE: &'static str = "a URL such as http://regions or http://regions:8080/api, or none";

    fn parse(text: &str) -> Option<Self> {
        // Paths are added to it.
        http_url::parse(text).filter(|url| url.query().is_none()).map(Self)
    }

    fn text(&self) -> String {
        self.0.to_string()
    }

    fn refusal(text: &str) -> String {
        http_url::refusal(text, Self::WRITE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(text: &str) -> BaseUrl {
        BaseUrl::parse(text).unwrap()
    }

    #[test]
    fn contract_5_6_24_relative_paths_are_joined_with_one_slash() {
        for (url, path, joined) in [
            ("http://regions", "/cities/1", "http://regions/cities/1"),
            ("http://regions/", "cities/1?a=b", "http://regions/cities/1?a=b"),
            ("https://h:1/api/", "//cities/", "https://h:1/api/cities/"),
            ("http://regions", "http://elsewhere/", "http://regions/http://elsewhere/"),
            ("http://regions", "", "http://regions/"),
        ] {
            assert_eq!(base(url).join(path).unwrap(), joined, "{url} {path}");
        }
        assert_eq!(base("http://regions").join("/a b"), None);
    }
}

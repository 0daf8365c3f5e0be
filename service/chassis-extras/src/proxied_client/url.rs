//! URLs of pages.

use ::url::Url;

/// An absolute `http` or `https` URL with a host and without a user or a password.
pub(super) fn parse(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(is_page)
}

/// Where a redirect leads, if to a page.
pub(super) fn target(from: &Url, location: &str) -> Option<Url> {
    from.join(location).ok().filter(is_page)
}

fn is_page(url: &Url) -> bool {
    let bare = url.username().is_empty() && url.password().is_none();
    matches!(url.scheme(), "http" | "https") && url.has_host() && bare
}

/// `relative` below `root`, whether `root` ends in a slash or not (contract 2.5.29); `None` if the two make no URL.
///
/// ```
/// use chassis_extras::proxied_client::join_url;
///
/// let joined = join_url("https://example.org/a", "b/c?d=e");
/// assert_eq!(joined.as_deref(), Some("https://example.org/a/b/c?d=e"));
/// ```
pub fn join_url(root: &str, relative: &str) -> Option<String> {
    let root = Url::parse(&format!("{}/", root.trim_end_matches('/'))).ok()?;
    root.join(relative).ok().map(String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contract_2_5_29_a_relative_url_is_joined_below_the_root() {
        for (root, relative, joined) in [
            ("http://h", "a", Some("http://h/a")),
            ("http://h/", "a/b", Some("http://h/a/b")),
            ("http://h/x", "a", Some("http://h/x/a")),
            ("http://h/x/", "../a", Some("http://h/a")),
            ("http://h/x", "/a", Some("http://h/a")),
            ("http://h/x", "https://other/a", Some("https://other/a")),
            ("no url", "a", None),
        ] {
            assert_eq!(join_url(root, relative).as_deref(), joined, "{root} {relative}");
        }
    }

    #[test]
    fn a_redirect_leads_to_a_page_or_nowhere() {
        let from = parse("https://h/a").unwrap();
        assert_eq!(target(&from, "/b").unwrap().as_str(), "https://h/b");
        assert_eq!(target(&from, "http://other/").unwrap().as_str(), "http://other/");
        for nowhere in ["file:///etc/passwd", "http://", "http://u:p@h/", "ftp://h/"] {
            assert_eq!(target(&from, nowhere), None, "{nowhere}");
        }
    }
}

//! Settings that are the URL of another server: what they share.

use super::listen::host_and_port;

/// `http://` or `https://` and a host. Without a user or password: these would stand in plain text wherever the
/// configuration is shown.
pub fn parse(text: &str) -> Option<http::Uri> {
    let uri: http::Uri = text.trim().parse().ok()?;
    let authority = uri.authority()?.as_str();
    host_and_port(authority, 80)?;
    let usable = matches!(uri.scheme_str(), Some("http" | "https")) && !authority.contains('@');
    usable.then_some(uri)
}

/// What is wrong with `text`, which is not repeated where it may hold a password.
pub fn refusal(text: &str, write: &str) -> String {
    let shown = if text.contains('@') { "the URL".to_owned() } else { format!("{text:?}") };
    format!("{shown} is not valid; write {write}")
}

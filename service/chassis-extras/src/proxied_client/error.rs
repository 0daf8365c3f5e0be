//! Why a page cannot be had.

use std::{io, path::PathBuf, time::Duration};

use chassis_wire::TlsError;
use http::StatusCode;

/// Why there is no page; the texts are those of the contract (2.5.28).
#[derive(Debug, thiserror::Error)]
pub enum GetError {
    /// Not a URL that can be asked.
    #[error(
        "{0:?} cannot be fetched; write a URL such as https://example.org/, without a user and a password"
    )]
    Url(String),
    /// The server says that there is no such page.
    #[error("404 Page not found")]
    NotFound,
    /// The server answers 400 or more.
    #[error("No data response")]
    NoData(StatusCode),
    /// More redirects than `proxy.max_redirects`.
    #[error("Too many redirects have occurred for {url}: more than {most}")]
    Redirects {
        /// What was asked for.
        url: String,
        /// So many are followed.
        most: u32,
    },
    /// A try took too long.
    #[error("A timeout has occurred for {url}: no answer within {limit:?}")]
    Timeout {
        /// What was asked for.
        url: String,
        /// The time it had.
        limit: Duration,
    },
    /// No connection, or one that broke.
    #[error("Connection refused for {url}: {reason}")]
    Refused {
        /// What was asked for.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The page is larger than `proxy.max_body`.
    #[error("{url} is larger than {most} bytes")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// So many are taken.
        most: usize,
    },
}

/// Why a page is not in a file (contract 2.5.29).
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// There is no page.
    #[error(transparent)]
    Get(#[from] GetError),
    /// An answer that is no page.
    #[error("Status code {status} received for {url}", status = .status.as_u16())]
    Status {
        /// What was asked for.
        url: String,
        /// The last answer's.
        status: StatusCode,
    },
    /// The file cannot be written.
    #[error("cannot write {}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
}

/// The proxy does not do its work.
#[derive(Debug, thiserror::Error)]
#[error("the SOCKS proxy {proxy} is away: {reason}")]
pub struct Away {
    /// `HOST:PORT`
    pub proxy: String,
    /// What happened.
    pub reason: String,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no proxy.
    #[error("there is no proxy; write its URL in proxy.socks_url, for example socks5h://tor:9150")]
    NotConfigured,
    /// The proxy is away, and `proxy.fallback` is `strict`.
    #[error("proxy.fallback is strict")]
    Away(#[from] Away),
    /// The list of user agents cannot be used.
    #[error(transparent)]
    UserAgents(#[from] UserAgentsError),
    /// There is no TLS here.
    #[error("https is not available")]
    Tls(#[from] TlsError),
}

/// Why a list is not used.
#[derive(Debug, thiserror::Error)]
pub enum UserAgentsError {
    /// The file is not there.
    #[error(
        "the user agents cannot be read from {}; write one in each line of it, or name another file in proxy.user_agents_file", .file.display()
    )]
    File {
        /// The file.
        file: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// Nothing in it can be sent.
    #[error("{place} has no user agents; write one in each line")]
    Empty {
        /// A file or a URL.
        place: String,
    },
    /// A newer list is not to be had.
    #[error("a newer list of user agents is not to be had")]
    Get(#[from] GetError),
    /// A newer list cannot be kept.
    #[error("the newer list of user agents cannot be written to {}", .file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
}

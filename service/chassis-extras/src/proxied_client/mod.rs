//! Pages of strangers, got through a SOCKS5 proxy under identities that change (contract 2.5).
//!
//! `http` and `https` both go through the proxy, and the proxy resolves the names: nothing of a request goes past it,
//! unless `proxy.fallback` is `warn`. An identity is a pair of random SOCKS credentials, each with connections of its
//! own: Tor gives streams of different credentials different circuits (`IsolateSOCKSAuth`, on by default), so that a
//! new identity needs no restart and disturbs no request that is on its way.
//!
//! ```no_run
//! use chassis_config::{Sources, load};
//! use chassis_extras::proxied_client::{ProxiedClient, config::Proxy};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let env = [
//!     ("CHASSIS_PROXY__SOCKS_URL", "socks5h://tor:9150"),
//!     ("CHASSIS_PROXY__USER_AGENTS_FILE", "/etc/user-agents.txt"),
//! ];
//! let config = load(&Sources::default().with_env(env), Proxy::read)?.config;
//! let client = ProxiedClient::open(&config).await?;
//! let page = client.get("https://example.org/", &Default::default(), None).await?;
//! println!("{} bytes, status {}", page.body().len(), page.status());
//! client.download("https://example.org/logo.png", "/tmp/logo.png".as_ref()).await?;
//! # Ok(())
//! # }
//! ```

mod client;
pub mod config;
mod error;
mod exchange;
mod file;
mod identity;
mod url;
mod user_agents;

pub use self::{
    client::ProxiedClient,
    error::{Away, DownloadError, GetError, OpenError, UserAgentsError},
    url::join_url,
};

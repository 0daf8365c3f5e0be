//! The configuration of a service: [`Config`] puts the sections together that stand beside what they configure.
//!
//! How sections are read, and from where, `chassis-config` says; its types are here as well, so that a service needs
//! one name for all of it.
//!
//! ```
//! use chassis::config::{Config, Count, Reader, Sources, load};
//!
//! let sources = Sources::default().with_env([("CHASSIS_SERVER__WORKERS", "8")]);
//! let loaded = load(&sources, |reader: &mut Reader| Config::read(reader))?;
//! assert_eq!(loaded.config.server.workers, Count::new(8));
//! # Ok::<(), chassis::config::ConfigError>(())
//! ```

mod auth;
mod cors;
mod documents;
mod health;
mod http;
mod networks;
mod openapi;
mod sections;
mod server;
mod storage;

pub use chassis_client::config::{Upstream, UpstreamKeys};
pub use chassis_config::*;
pub use chassis_db::config::{DatabaseUrl, Db};
#[cfg(feature = "logship")]
pub use chassis_extras::logship::config::LogShip;
#[cfg(feature = "notify")]
pub use chassis_extras::notify::config::{Email, Login, Minutes, Notify, Security, Slack};
#[cfg(feature = "proxy")]
pub use chassis_extras::proxied_client::config::{Fallback, Page, Proxy, SocksProxy};
pub use chassis_http::config::Api;
pub use chassis_telemetry::config::{
    Build, Collector, Identity, Level, LogFormat, Logging, MetricPrefix, Metrics, Propagation, Rate, Spans,
    Statsd, Tracing, Updates,
};
pub use chassis_wire::config::Tls;

pub use self::{
    auth::{Algorithms, Auth, Issuer, Words},
    cors::Cors,
    health::{Health, HealthPath},
    http::{Http, Root},
    networks::Networks,
    openapi::OpenApi,
    sections::Config,
    server::{Connections, Server},
    storage::Storage,
};

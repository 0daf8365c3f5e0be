//! Layered, typed configuration that reports every problem at once.
//!
//! Layers, later wins: built-in default, platform variables (`PORT`, `WEB_CONCURRENCY`, ...), file (YAML, JSON or TOML),
//! legacy variables (`PYMICRO_*`, `CST_*`), canonical variables (`CHASSIS_<SECTION>__<KEY>`), `--set KEY=VALUE`.
//! The file may have the keys of other conventions as well ([`Key::in_file`]), for example `hosting.port`.
//! A bad value in a variable that somebody else may have set (platform, legacy) is a warning and the layer below
//! is kept; a bad value anywhere else is an error, and so is a key that nobody reads (contract 0b.9, 1.4.25-26).
//!
//! There is no table of keys apart from the code that reads them: a section is a function from [`Reader`] to a
//! struct, and the keys it asked for are the known keys.
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
mod build;
mod cors;
mod documents;
mod edit;
mod file;
mod form;
mod http_url;
mod legacy;
mod listen;
mod log_file;
mod logship;
mod metrics;
mod names;
mod networks;
mod notify;
mod problem;
mod proxy;
mod reader;
mod secret;
mod sections;
mod settings;
mod sources;
mod storage;
mod tls;
mod tracing;
mod upstream;
mod value;

pub use auth::{Algorithms, Auth, Issuer, Words};
pub use build::Build;
pub use cors::Cors;
pub use edit::{EditError, set};
pub use legacy::Legacy;
pub use listen::Listen;
pub use logship::LogShip;
pub use metrics::{MetricPrefix, Metrics, Statsd, Updates};
pub use networks::Networks;
pub use notify::{Email, Login, Minutes, Notify, Security, Slack};
pub use problem::{ConfigError, Problem};
pub use proxy::{Fallback, Page, Proxy, SocksProxy};
pub use reader::{Key, Loaded, Reader, load};
pub use secret::{Secret, SecretKeys};
pub use sections::{Api, Config, Health, Http, Identity, Logging, OpenApi, Server};
pub use settings::{Setting, Settings};
pub use sources::Sources;
pub use storage::Storage;
pub use tls::Tls;
pub use tracing::{Collector, Propagation, Rate, Spans, Tracing};
pub use upstream::{BaseUrl, Upstream, UpstreamKeys};
pub use value::{ByteSize, Count, HealthPath, Level, LogFormat, Optional, Root, Span, Timeout, Value};

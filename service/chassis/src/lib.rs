//! What every service needs besides its routes: configuration, logs, health, metrics, worker slots and an orderly
//! end. No business route lives here.
//!
//! ```no_run
//! use axum::routing::get;
//! use chassis::{App, Config, Outcome, Server, Shutdown, config::{Sources, load}, logging};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let loaded = load(&Sources::from_process(None, Vec::new()), Config::read)?;
//!     let app = App::new()?.route("/hello", get(async || "hello\n"));
//!     let _log = logging::init(&loaded.config.logging, app.metrics())?;
//!     let server = Server::bind(&loaded.config, app).await?;
//!     let outcome = server.run(Shutdown::on_signals()?).await;
//!     assert_eq!(outcome, Outcome::Drained);
//!     Ok(())
//! }
//! ```
//!
//! A program with settings of its own reads them with the same [`config::Reader`]; see `examples/hello.rs`.

mod app;
mod assets;
pub mod auth;
pub mod config;
pub mod context;
pub mod db;
pub mod docs;
pub mod envelope;
pub mod error;
mod error_chain;
pub mod extract;
mod health;
mod html;
pub mod http_client;
pub mod logging;
pub mod logship;
pub mod metrics;
pub mod notify;
pub mod openapi;
mod origin;
pub mod pagination;
pub mod proxied_client;
mod routes;
pub mod server;
pub mod statsd;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod trace;

pub use app::App;
pub use config::Config;
pub use envelope::{Data, Envelope};
pub use extract::{Id, Input};
pub use origin::Origin;
pub use pagination::{Page, Paging};
pub use routes::Routes;
pub use server::{Outcome, Server, Shutdown};

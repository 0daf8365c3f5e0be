//! The bundled service: features on the [`chassis`], chosen by a profile.
//!
//! ```text
//! microservice                                   serve (the default)
//! microservice config check | print | explain    look at the configuration
//! microservice config set a.b.c VALUE            change a line of its file
//! microservice notify send MESSAGE | flush       notifications
//! microservice migrate [--status]                bring the tables to their last version
//! microservice healthcheck                       ask the admin port of a running service
//! microservice logs ship                         send the log lines that wait to be shipped
//! microservice fetch URL --data '{"a":1}'        a small HTTP client; --proxied asks through the SOCKS proxy
//! ```

#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod alias;
mod catalog;
pub mod cli;
pub mod config;
mod directory;
mod fetch;
pub mod fibonacci;
mod inbox;
pub mod message;
mod mount;
mod print;
mod profile;
mod time;
mod uwsgi;

pub use config::Config;
pub use mount::MountError;
pub use profile::Profile;

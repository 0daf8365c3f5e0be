//! The bundled service: features on the [`chassis`], chosen by a profile.
//!
//! ```text
//! microservice                                   serve (the default)
//! microservice config check | print              look at the configuration
//! microservice migrate [--status]                bring the tables to their last version
//! microservice healthcheck                       ask the admin port of a running service
//! microservice fetch URL --data '{"a":1}'        a small HTTP client
//! ```

mod catalog;
pub mod cli;
pub mod config;
mod directory;
pub mod fibonacci;
pub mod message;
mod profile;
mod serve;
mod time;

pub use config::Config;
pub use profile::{MountError, Profile};

#![doc = include_str!("../README.md")]
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod app;
mod assets;
pub mod auth;
pub mod config;
pub mod docs;
mod health;
pub mod openapi;
pub mod run;
pub mod server;

pub use chassis_client::{self as client, upstream_keys};
pub use chassis_db as db;
#[cfg(feature = "logship")]
pub use chassis_extras::logship;
#[cfg(feature = "notify")]
pub use chassis_extras::notify;
#[cfg(feature = "proxy")]
pub use chassis_extras::proxied_client;
pub use chassis_http::{Data, Envelope, Id, Input, Origin, Page, Paging, Routes, answer, context};
pub use chassis_telemetry::{logged, logging, metrics, trace};
pub use chassis_wire as wire;

pub use self::{
    app::App,
    config::Config,
    run::{run, run_from},
    server::{Outcome, Server, Shutdown},
};

#![doc = include_str!("../README.md")]
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod config;
pub mod logging;
pub mod metrics;
pub mod statsd;
pub mod trace;

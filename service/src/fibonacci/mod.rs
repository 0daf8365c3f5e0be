//! `GET /fibonacci/list?count=N`: the first N Fibonacci numbers, exact to the last digit (contract 3.1).
//!
//! ```text
//! count ------> listing -> head, segments, tail
//! (the query)      |
//!              sequence: segments computed once, in order, on demand
//!                  |
//!               decimal: addition of numbers that are decimal already
//! ```

mod apitrace;
mod config;
#[cfg(test)]
mod cost;
mod count;
mod decimal;
mod error;
mod listing;
mod routes;
mod schema;
mod sequence;

pub use config::{Config, MaxCount};
pub(crate) use routes::mount;

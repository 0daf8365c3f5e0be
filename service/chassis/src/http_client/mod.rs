//! HTTP to other services.

mod fetch;
mod wire;

pub(crate) use self::wire::{Wire, wire};
pub use self::{
    fetch::{FetchError, Fetched, fetch},
    wire::TlsError,
};

#![doc = include_str!("../README.md")]

mod authorities;
pub mod config;
mod fetch;
mod wire;

pub use self::{
    authorities::{TlsError, known as client_tls},
    fetch::{FetchError, Fetched, fetch},
    wire::{Wire, wire},
};

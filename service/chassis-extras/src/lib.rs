#![doc = include_str!("../README.md")]

#[cfg(feature = "logship")]
pub mod logship;
#[cfg(feature = "notify")]
pub mod notify;
#[cfg(feature = "proxy")]
pub mod proxied_client;

#![doc = include_str!("../README.md")]

mod answer;
mod budget;
pub mod config;
mod error;
mod metrics;
mod retry;
mod transport;
mod upstream;
mod upstreams;

pub use self::{
    answer::Answer,
    error::{CallError, Cause},
    retry::Retry,
    transport::Transport,
    upstream::{Call, Upstream},
    upstreams::Upstreams,
};

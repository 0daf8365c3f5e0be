#![doc = include_str!("../README.md")]

pub mod answer;
pub mod config;
pub mod context;
pub mod error_chain;
pub mod extract;
pub mod html;
mod origin;
pub mod pagination;
mod routes;

pub use answer::{Data, Envelope};
pub use extract::{Id, Input};
pub use origin::Origin;
pub use pagination::{Page, Paging};
pub use routes::{Entry, Routes};

//! The words that all others speak: what a Microservice becomes, what it is called, what can go wrong.

mod child;
mod error;
pub mod foreign;
mod kind;
pub(crate) mod list;
pub mod meta;
pub mod object;
pub mod ports;
mod replicas;
mod resolved;
mod settings;

pub use child::Child;
pub use error::{Class, Error, Refusal};
pub use foreign::{HTTPRoute, PrometheusRule, ServiceMonitor};
pub use kind::Kind;
pub use replicas::Replicas;
pub use resolved::ResolvedMicroservice;
pub use settings::{Network, Settings};

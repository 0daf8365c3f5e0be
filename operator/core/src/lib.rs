//! What a `Microservice` becomes: everything that the operator decides, as data. No client, no clock, no I/O.
//!
//! Each module imports only from those above it:
//!
//! - [`api`] is what users write,
//! - [`model`] the words that all others speak: kinds, children, names, errors,
//! - [`nginx`] reads nginx's configuration,
//! - [`manifests`] makes the objects,
//! - [`observed`] is what was seen of the cluster,
//! - [`plan`] decides what is applied,
//! - [`status`] says what became of it.

pub mod api;
pub mod manifests;
pub mod model;
pub mod nginx;
pub mod observed;
pub mod plan;
pub mod status;

//! `POST /microservice`: answers with the object it was sent, and when and how it was handled (contract 1.1).

mod canonical;
mod config;
mod metrics;
mod object;
mod routes;
mod schema;

pub use config::Config;
pub(crate) use routes::mount;

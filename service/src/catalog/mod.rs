//! `GET /simple/{id}` and `GET /products`: answers in an envelope, and a long list in pages (contract 4.3, 4.4).

mod products;
mod routes;

pub(crate) use products::table;
pub(crate) use routes::mount;

//! `POST /`: takes a message for people (contract 2.1.1); the chassis sends it on, see [`chassis::notify`].

mod routes;

pub(crate) use routes::mount;

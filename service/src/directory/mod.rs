//! Users, the regions they live in and the roles they have: one service or three (contract 5.3).
//!
//! ```text
//! /users -+-> cities of /cities -> provinces     (in this process, or upstreams.regions)
//!         +-> roles of /roles                    (in this process, or upstreams.roles)
//! ```

mod config;
mod created;
mod mount;
mod name;
mod neighbour;
mod number;
mod parts;
mod regions;
mod roles;
mod users;

pub use self::config::Config;
pub(crate) use self::parts::Parts;

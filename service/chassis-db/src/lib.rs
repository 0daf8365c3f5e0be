#![doc = include_str!("../README.md")]

mod argument;
pub mod config;
mod connection;
mod database;
mod error;
mod health;
mod metrics;
pub mod migration;
mod monitor;
mod pool;
mod refusals;
mod row;
mod server;

pub use self::{
    argument::Argument,
    connection::Connection,
    database::Database,
    error::DbError,
    monitor::Monitor,
    row::{Column, FromRow, Index, Row},
};

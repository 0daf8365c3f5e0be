#![doc = include_str!("../README.md")]

mod kit;
mod mock;

pub use self::{
    kit::{Kit, KitCall, KitError},
    mock::{Asked, Mock, Reply},
};

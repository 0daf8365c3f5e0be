//! What handlers take out of requests, refused in the words of the contract.
//!
//! ```
//! use axum::routing::post;
//! use chassis_http::{Data, Envelope, Id, Input, Routes};
//! use serde::Deserialize;
//!
//! #[derive(Deserialize)]
//! struct User {
//!     name: String,
//! }
//!
//! async fn rename(Id(id): Id, Input(user): Input<User>) -> Data<String> {
//!     Data::new(format!("{id} is now {}", user.name))
//! }
//!
//! let routes: Routes = Routes::new(Envelope::Code).route("/users/{id}", post(rename));
//! ```

mod id;
mod input;

pub use self::{id::Id, input::Input};

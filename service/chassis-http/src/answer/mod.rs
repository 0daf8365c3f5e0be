//! What surrounds the answers of a router: each has a policy, and handlers know nothing of it.
//!
//! A handler returns [`Data`] or a [`ServiceError`]; what the chassis itself has to say
//! on one of the router's paths (404, 405, 408, 413, 500, 503, 504) has the router's dialect too. An answer that is
//! neither, such as a file, passes as it is (contract 5.1.3).
//!
//! ```
//! use axum::routing::get;
//! use chassis_http::{Data, Envelope, Routes};
//!
//! // {"meta":{"operation_id":"..."},"data":"hello"}
//! let routes = Routes::new(Envelope::Meta).route("/hello", get(async || Data::new("hello")));
//! ```
//!
//! A handler says what it refuses with a [`Failure`] and `?`:
//!
//! ```
//! use axum::http::StatusCode;
//! use chassis_http::answer::{Data, Failure, ServiceError};
//!
//! async fn half(number: u32) -> Result<Data<u32>, ServiceError> {
//!     if number % 2 == 1 {
//!         return Err(Failure::new(StatusCode::BAD_REQUEST).message("an odd number has no half").into());
//!     }
//!     Ok(Data::new(number / 2))
//! }
//! ```

mod answering;
mod data;
mod envelope;
mod error;
mod failure;
mod json;
mod layout;
mod render;

pub use self::{
    answering::{refusal, scope, set_dialect},
    data::Data,
    envelope::Envelope,
    error::{ServiceError, TokenRefusal},
    failure::{Code, Failure, Fault},
    json::json_line,
    layout::{Dialect, Layout},
};

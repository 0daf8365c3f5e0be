//! What surrounds the answers of a router: each has a policy, and handlers know nothing of it.
//!
//! A handler returns [`Data`] or a [`ServiceError`](crate::error::ServiceError); what the chassis itself has to say
//! on one of the router's paths (404, 405, 408, 413, 500, 503, 504) has the router's dialect too. An answer that is
//! neither, such as a file, passes as it is (contract 5.1.3).
//!
//! ```
//! use axum::routing::get;
//! use chassis::{Data, Envelope, Routes};
//!
//! // {"meta":{"operation_id":"..."},"data":"hello"}
//! let routes = Routes::new(Envelope::Meta).route("/hello", get(async || Data::new("hello")));
//! ```

mod data;
mod layout;
mod render;

pub use self::{data::Data, layout::Layout};
pub(crate) use self::{layout::Dialect, render::render};

/// The policy of a router (contract section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Envelope {
    /// Success as the handler gives it. Errors: `{"message": text}`.
    #[default]
    Raw,
    /// Success as the handler gives it. Errors: `{"error": text}`. Indented by two spaces, except for scripts in a
    /// browser (`X-Requested-With: XMLHttpRequest`).
    RawError,
    /// `{"meta": {"operation_id": id}, "data": data}`. What a handler refuses: `{"meta": ..., "errors":
    /// [{"message": text, "path": where}]}`; what the chassis does: `{"message": text}` (contract 4.3).
    Meta,
    /// `{"code": 0, "data": data}`. Errors: `{"message": text, "code": code, "error": detail}` (contract 5.1).
    Code,
}

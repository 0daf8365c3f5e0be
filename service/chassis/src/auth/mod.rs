//! Bearer tokens (RFC 6750) of an OpenID Connect issuer such as IdentityServer, Keycloak or Entra ID. Off until
//! `auth.issuer` is set.
//!
//! Who asks for a route of a feature must then show a JSON Web Token that `auth.issuer` has signed for
//! `auth.audience`, that has not expired, is valid already, and has all of `auth.scopes`. The chassis's own routes
//! (probes, `/status`, `/metrics`, `/openapi`, `/static`, `/`), routes that are
//! [never queued](crate::Routes::unqueued), and those that `auth.exempt` names are open to everybody: the documents say
//! how to call the service, not what is in it.
//!
//! | request | answer | `WWW-Authenticate` |
//! |---|---|---|
//! | without a token | 401 | `Bearer realm="api"` |
//! | with two | 400 | `Bearer ..., error="invalid_request"` |
//! | with one that does not count | 401 | `Bearer ..., error="invalid_token", error_description="the token has expired"` |
//! | with one that lacks a scope | 403 | `Bearer ..., error="insufficient_scope", scope="orders.write"` |
//! | before the first keys are there | 503 | |
//!
//! Keys are those of the issuer's discovery document. They are fetched in the background, every `auth.refresh` and when
//! a token names one that is not known, but never twice within `auth.pause`; those at hand count while the issuer is
//! away. The service is not ready before it has the first ones. Checking a token costs one signature and no request:
//! only one with an unknown key waits for a fetch, for two seconds at most.
//!
//! What is refused is counted in `chassis_auth_refusals_total` by reason. Tokens are in no log.
//!
//! A handler that wants to know who is asking takes [`Claims`]:
//!
//! ```
//! use axum::routing::get;
//! use chassis::{Data, Envelope, Routes, answer::ServiceError, auth::Claims};
//!
//! async fn orders(claims: Claims) -> Result<Data<String>, ServiceError> {
//!     claims.require("orders.read")?;
//!     Ok(Data::new(format!("orders of {}", claims.subject().unwrap_or("nobody"))))
//! }
//!
//! let routes = Routes::new(Envelope::Meta).route("/orders", get(orders));
//! ```

mod claims;
mod guard;
mod issuer;
mod keys;
mod open;
mod refresh;
mod refusal;

pub use self::{claims::Claims, open::AuthError};
pub(crate) use self::{guard::Guard, open::open, refresh::Refresh};

//! Long lists in pages: `?offset=25&limit=25`, with links to the next and the previous page (contract 4.4).
//!
//! ```
//! use axum::{extract::State, routing::get};
//! use chassis_config::Count;
//! use chassis_http::{Data, Envelope, Page, Paging, Routes, answer::ServiceError};
//!
//! // Every handler whose state is, or has, a `Paging` can take a `Page`.
//! async fn numbers(page: Page, State(_): State<Paging>) -> Result<Data<Vec<i64>>, ServiceError> {
//!     page.read(async |offset, limit| Ok((offset..107.min(offset + limit)).collect())).await
//! }
//!
//! let routes = Routes::new(Envelope::Meta).route("/numbers", get(numbers).with_state(Paging::new(Count::new(25))));
//! ```

mod links;
mod page;
mod parameter;

pub use page::{Page, Paging};

//! HTTP to other services: [`Upstream`] for those that a service depends on, [`fetch`] for one request to anywhere.
//!
//! An upstream has connections of its own that are kept alive, a bound for the requests on their way, time limits, and
//! retries where they do no harm. Requests carry the trace ([`crate::trace`]) and `x-operation-id` on, each try is a
//! span, and each call is counted under the upstream's name (`chassis_upstream_*`). Certificates of `https` are those
//! of the system (`SSL_CERT_FILE` names others), Mozilla's where it has none, and those that [`trust`] adds.
//!
//! ```no_run
//! use chassis::{App, config::{Reader, Sources, Upstream, load}, upstream_keys};
//! use serde::Deserialize;
//!
//! #[derive(Deserialize)]
//! struct City {
//!     name: String,
//! }
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let env = [("CHASSIS_UPSTREAMS__REGIONS__URL", "http://regions")];
//! let read = |reader: &mut Reader| Upstream::read(reader, upstream_keys!("regions"));
//! let config = load(&Sources::default().with_env(env), read)?.config;
//! let regions = App::new()?.upstream(&config)?;
//!
//! // `{"code":0,"data":{...}}` or the city itself; nothing for a 404.
//! let city: Option<City> = regions.get("/cities/1").send().await?.found()?;
//! let created = regions.post("/cities", &serde_json::json!({ "name": "Oslo" })).send().await?;
//! assert!(created.status().is_success());
//! # Ok(())
//! # }
//! ```
//!
//! `cargo run -p chassis --example upstreams` asks two services at the same time.

mod answer;
mod authorities;
mod budget;
mod error;
mod fetch;
mod metrics;
mod retry;
mod upstream;
mod wire;

pub use self::{
    answer::Answer,
    authorities::{TlsError, trust},
    error::{CallError, Cause},
    fetch::{FetchError, Fetched, fetch},
    retry::Retry,
    upstream::{Call, Upstream},
};
pub(crate) use self::{
    authorities::known as client_tls,
    metrics::UpstreamFamilies,
    wire::{Wire, wire},
};

//! For tests of services (feature `testkit`): the whole app without sockets, and other services that say what the test
//! tells them to (contract 5.11.37).
//!
//! A [`Kit`] takes requests the way the service port does, through limits, workers, envelopes and traces, and calls
//! handlers by their name in the OpenAPI document. A [`Mock`] stands for every other service of an [`App`](crate::App)
//! and is asked by method and URL; timeouts, retries and metrics are those of the real client. Nothing is started in the
//! background: no span is exported, no metric pushed and no key of a token issuer fetched.
//!
//! ```
//! use axum::{extract::{Path, State}, http::Method};
//! use chassis::{
//!     App, Config, Data, Envelope, Routes,
//!     config::{Reader, Sources, Upstream, load},
//!     error::ServiceError,
//!     http_client,
//!     testkit::{Kit, Mock, Reply},
//!     upstream_keys,
//! };
//! use serde_json::{Value, json};
//! use utoipa_axum::routes;
//!
//! #[utoipa::path(get, path = "/users/{id}", operation_id = "get_user", responses((status = 200, body = Value)))]
//! async fn user(State(regions): State<http_client::Upstream>, Path(id): Path<u64>) -> Result<Data<Value>, ServiceError> {
//!     let city = regions.get(format!("/cities/{id}")).send().await;
//!     let city: Option<Value> = city.and_then(|city| city.found()).unwrap_or_default();
//!     Ok(Data::new(json!({ "id": id, "city": city })))
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let sources = Sources::default().with_env([("CHASSIS_UPSTREAMS__REGIONS__URL", "http://regions")]);
//! let read = |reader: &mut Reader| (Config::read(reader), Upstream::read(reader, upstream_keys!("regions")));
//! let (config, regions) = load(&sources, read)?.config;
//!
//! let mock = Mock::new();
//! mock.on(Method::GET, "http://regions/cities/7", Reply::json(&json!({ "name": "Oslo" })));
//! let app = App::new()?.mocked(&mock);
//! let regions = app.upstream(&regions)?;
//! let app = app.mount(Routes::new(Envelope::Code).described(routes!(user), regions));
//!
//! let kit = Kit::new(&config, app).await?;
//! let answer = kit.call("get_user").arg("id", 7).send().await?;
//! let expected = json!({ "code": 0, "data": { "id": 7, "city": { "name": "Oslo" } } });
//! assert_eq!(answer.json::<Value>()?, expected);
//! assert_eq!(mock.calls().len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `service/chassis/examples/tested.rs` is a service with its test.

mod kit;
mod mock;

pub use self::{
    kit::{Kit, KitCall, KitError},
    mock::{Asked, Mock, Reply},
};

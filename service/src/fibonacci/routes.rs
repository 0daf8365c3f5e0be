//! The route of the feature.

use std::sync::Arc;

use axum::{
    extract::{Query, State},
    http::HeaderMap,
    routing::get,
};
use chassis::{App, Envelope, Routes, envelope::Layout, error::ServiceError};

use super::{Config, apitrace, count, listing::Listing, sequence::Sequence};

/// The handler's name in trace lines, as in the document.
const HANDLER: &str = "fibonacci_list_api";

#[derive(Clone)]
struct Feature {
    config: Config,
    sequence: Arc<Sequence>,
}

/// Adds `GET /fibonacci/list`.
pub(crate) fn mount(app: App, config: Config) -> App {
    let sequence = Arc::new(Sequence::new(config.max_count));
    let feature = Feature { config, sequence };
    app.mount(Routes::new(Envelope::RawError).route("/fibonacci/list", get(list).with_state(feature)))
}

async fn list(
    State(feature): State<Feature>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Result<Listing, ServiceError> {
    apitrace::log(HANDLER, &headers);
    feature.listing(&query, Layout::wanted(&headers)).await
}

impl Feature {
    async fn listing(self, query: &[(String, String)], layout: Layout) -> Result<Listing, ServiceError> {
        let Self { config, sequence } = self;
        let count = count::of_query(query, config.max_count)?;
        let count = usize::try_from(count).map_err(|_| ServiceError::Internal)?;
        sequence.compute(count).await.map_err(|error| {
            tracing::error!("{count} numbers could not be computed: {error}");
            ServiceError::Internal
        })?;
        Ok(Listing { sequence, count, layout })
    }
}

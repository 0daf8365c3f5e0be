//! The route of the feature.

use std::sync::Arc;

use axum::{
    extract::{Query, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
    routing::get,
};
use chassis::App;

use super::{
    Config, apitrace, count,
    error::ListError,
    listing::{Layout, Listing},
    sequence::Sequence,
};

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
    app.route("/fibonacci/list", get(list).with_state(Feature { config, sequence }))
}

async fn list(
    State(feature): State<Feature>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    apitrace::log(HANDLER, &headers);
    let layout = Layout::wanted(&headers);
    match feature.listing(&query, layout).await {
        Ok(listing) => listing.into_response(),
        Err(error) => error.answer(layout),
    }
}

impl Feature {
    async fn listing(self, query: &[(String, String)], layout: Layout) -> Result<Listing, ListError> {
        let Self { config, sequence } = self;
        let count = count::of_query(query, config.max_count)?;
        let count = usize::try_from(count).map_err(|_| ListError::Failed)?;
        sequence.compute(count).await.map_err(|error| {
            tracing::error!("{count} numbers could not be computed: {error}");
            ListError::Failed
        })?;
        Ok(Listing { sequence, count, layout })
    }
}

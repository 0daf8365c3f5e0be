//! The route of the feature.

use std::sync::Arc;

use axum::{
    extract::{Query, State},
    http::HeaderMap,
};
use chassis::{
    App, Envelope, Routes, answer::Layout, answer::ServiceError, docs, openapi::schema::Error, trace,
};
use utoipa_axum::routes;

use super::{Config, apitrace, count, error::ListError, listing::Listing, schema::List, sequence::Sequence};

/// The handler's name in trace lines, as in the document.
const HANDLER: &str = "fibonacci_list_api";

#[derive(Clone)]
struct Feature {
    config: Config,
    sequence: Arc<Sequence>,
}

/// Adds `GET /fibonacci/list` and `/fibonacci/docs`.
pub(crate) fn mount(app: App, config: Config) -> App {
    let sequence = Arc::new(Sequence::new(config.max_count));
    let feature = Feature { config, sequence };
    let routes = Routes::new(Envelope::RawError)
        .described(routes!(list), feature)
        .maximum("count", config.max_count.get());
    app.mount(routes.unqueued("/fibonacci/docs", docs::redirect()))
}

/// The first `count` Fibonacci numbers
///
/// Exact at any size. Zero is a count, and a sign, leading zeros and blanks around it are fine. The answer is indented
/// by two spaces, except for scripts in a browser.
#[utoipa::path(
    get,
    path = "/fibonacci/list",
    operation_id = "fibonacci_list_api",
    tag = "fibonacci",
    params(
        ("count" = u32, Query, description = "How many numbers; at most `fibonacci.max_count`, by default 10000", example = 10),
        ("X-Requested-With" = Option<String>, Header, description = "`XMLHttpRequest` for an answer without line breaks"),
        ("Apitrace" = Option<String>, Header, description = "Your own name for the request, to find it in the log"),
    ),
    responses(
        (status = 200, description = "The numbers", body = List, example = json!({"answer": [0, 1, 1, 2, 3, 5, 8, 13, 21, 34]})),
        (
            status = 403,
            description = "What was asked for is no list",
            body = Error,
            examples(
                ("1 missing" = (summary = "no count, or an empty one", value = json!({"error": ListError::Missing.to_string()}))),
                ("2 type" = (summary = "not an integer", value = json!({"error": ListError::NotAnInteger.to_string()}))),
                ("3 negative" = (summary = "less than 0", value = json!({"error": ListError::Negative.to_string()}))),
                ("4 too many" = (summary = "more than the service gives", value = json!({"error": ListError::TooMany(10_000).to_string()}))),
            ),
        ),
    ),
)]
async fn list(
    State(feature): State<Feature>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Result<Listing, ServiceError> {
    trace::name(HANDLER);
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

//! What belongs to one request: its operation id, and the route it took.
//!
//! A task-local, so that log lines find it without being told. A task that a handler spawns is not part of the
//! request and has no context.

use std::{cell::RefCell, fmt, future::Future, sync::Arc};

use http::{HeaderName, HeaderValue};
use serde::{Serialize, Serializer};
use uuid::Uuid;

/// Carries the operation id of every answer.
pub const OPERATION_ID: HeaderName = HeaderName::from_static("x-operation-id");

tokio::task_local! {
    static CONTEXT: Context;
}

/// A random UUID (version 4), unique per request and never taken from the client (contract 4.7).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct OperationId(Uuid);

impl OperationId {
    /// A new one. It names a request in logs and protects nothing, so a fast generator will do.
    pub fn random() -> Self {
        Self(uuid::Builder::from_random_bytes(fastrand::u128(..).to_ne_bytes()).into_uuid())
    }

    /// As the value of a header.
    pub fn header(self) -> HeaderValue {
        let mut buffer = Uuid::encode_buffer();
        let text = self.0.as_hyphenated().encode_lower(&mut buffer);
        HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, out)
    }
}

impl fmt::Debug for OperationId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl Serialize for OperationId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()))
    }
}

/// What a proxy of ours is believed of where a request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trust {
    /// The client is no proxy of ours.
    #[default]
    Nothing,
    /// `X-Forwarded-Proto`
    Scheme,
    /// `X-Forwarded-Host` and `-Prefix` as well.
    Place,
}

#[derive(Debug)]
struct Context {
    operation_id: OperationId,
    trust: Trust,
    route: RefCell<Option<Arc<str>>>,
}

/// The id of the request this task works on, `None` outside of one.
pub fn operation_id() -> Option<OperationId> {
    CONTEXT.try_with(|context| context.operation_id).ok()
}

/// Runs `work` as the request `operation_id`, of whose client so much is believed.
pub async fn scope<T>(operation_id: OperationId, trust: Trust, work: impl Future<Output = T>) -> T {
    CONTEXT.scope(Context { operation_id, trust, route: RefCell::default() }, work).await
}

/// What the client is believed of where the request came from.
pub fn trust() -> Trust {
    CONTEXT.try_with(|context| context.trust).unwrap_or_default()
}

/// Remembers the route for the metrics: its pattern, never the path the client sent.
pub fn set_route(route: &Arc<str>) {
    _ = CONTEXT.try_with(|context| context.route.replace(Some(Arc::clone(route))));
}

/// The route that was remembered.
pub fn route() -> Option<Arc<str>> {
    CONTEXT.try_with(|context| context.route.borrow().clone()).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_id_is_a_uuid_4_and_known_only_inside_the_request() {
        assert_eq!(operation_id(), None);
        let id = OperationId::random();
        assert_eq!(scope(id, Trust::Nothing, async { operation_id() }).await, Some(id));
        assert_eq!(id.0.get_version_num(), 4);
        assert_eq!(id.header().to_str().unwrap(), id.to_string());
        assert_eq!(serde_json::to_value(id).unwrap(), id.to_string());
        assert_ne!(id, OperationId::random());
    }
}

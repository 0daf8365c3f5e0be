//! What a handler returns when all is well.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::Value;

use super::{Envelope, Layout, ServiceError, answering::dialect};
use crate::context;

/// Data to be sent in the router's envelope, with status 200 unless another is chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Data<T> {
    payload: T,
    status: StatusCode,
    meta: Vec<(&'static str, Value)>,
}

impl<T: Serialize> Data<T> {
    /// `payload`, which is written as JSON.
    pub const fn new(payload: T) -> Self {
        Self { payload, status: StatusCode::OK, meta: Vec::new() }
    }

    /// Another status than 200, for example 201 (contract 4.3.11).
    #[must_use]
    pub fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// Something about the data: a member of `meta` in the policy Meta, a neighbour of `data` in Code, and not shown
    /// in the others. `key` is written as it is, so it should need no escapes.
    #[must_use]
    pub fn meta(mut self, key: &'static str, value: Value) -> Self {
        self.meta.push((key, value));
        self
    }

    fn write(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let dialect = dialect();
        let members = |out: &mut Vec<u8>| {
            self.meta.iter().try_for_each(|(key, value)| {
                out.extend_from_slice(b",\"");
                out.extend_from_slice(key.as_bytes());
                out.extend_from_slice(b"\":");
                serde_json::to_writer(&mut *out, value)
            })
        };
        match dialect.envelope {
            Envelope::Raw | Envelope::RawError => match dialect.layout {
                Layout::Pretty => serde_json::to_writer_pretty(&mut *out, &self.payload)?,
                Layout::Compact => serde_json::to_writer(&mut *out, &self.payload)?,
            },
            Envelope::Meta => {
                out.extend_from_slice(b"{\"meta\":{\"operation_id\":");
                serde_json::to_writer(&mut *out, &context::operation_id())?;
                members(out)?;
                out.extend_from_slice(b"},\"data\":");
                serde_json::to_writer(&mut *out, &self.payload)?;
                out.push(b'}');
            }
            Envelope::Code => {
                out.extend_from_slice(b"{\"code\":0,\"data\":");
                serde_json::to_writer(&mut *out, &self.payload)?;
                members(out)?;
                out.push(b'}');
            }
        }
        out.push(b'\n');
        Ok(())
    }
}

impl<T: Serialize> IntoResponse for Data<T> {
    fn into_response(self) -> Response {
        const JSON: HeaderValue = HeaderValue::from_static("application/json");
        let mut body = Vec::with_capacity(256);
        match self.write(&mut body) {
            Ok(()) => (self.status, [(header::CONTENT_TYPE, JSON)], body).into_response(),
            Err(error) => {
                tracing::error!("the answer cannot be written as JSON: {error}");
                ServiceError::Internal.into_response()
            }
        }
    }
}

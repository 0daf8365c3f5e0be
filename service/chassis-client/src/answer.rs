//! What another service has answered.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header, response};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::{CallError, Cause};

/// An answer of any status, received to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    upstream: &'static str,
    head: response::Parts,
    body: Bytes,
}

impl Answer {
    /// Of the service that `upstream` names.
    pub fn new(upstream: &'static str, head: response::Parts, body: Bytes) -> Self {
        Self { upstream, head, body }
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.head.status
    }

    /// Its headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// The whole body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body as JSON. An error when it is not, or not of this shape; the status is not looked at.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        serde_json::from_slice(&self.body).map_err(|error| self.error(Cause::Shape(error.to_string())))
    }

    /// What was asked for: the body, or its member `data` if it is wrapped (`{"code":0,"data":...}` or
    /// `{"meta":...,"data":...}`; contract 5.12). `None` for a 404; an error for every other status that is no
    /// success, and for a `code` that is not 0.
    pub fn found<T: DeserializeOwned>(&self) -> Result<Option<T>, CallError> {
        match self.status() {
            StatusCode::NOT_FOUND => return Ok(None),
            status if !status.is_success() => return Err(self.error(Cause::Status(status))),
            _ => {}
        }
        let mut body: Value = self.json()?;
        let wrapped = match &body {
            Value::Object(members) => {
                members.contains_key("data") && (members.contains_key("code") || members.contains_key("meta"))
            }
            _ => false,
        };
        if wrapped {
            if body.get("code").is_some_and(|code| *code != 0) {
                return Err(self.error(Cause::Shape(format!("its code is {}", body["code"]))));
            }
            body = body["data"].take();
        }
        serde_json::from_value(body).map(Some).map_err(|error| self.error(Cause::Shape(error.to_string())))
    }

    /// `2xx` and the like, for metrics.
    pub(super) fn label(&self) -> &'static str {
        match self.status().as_u16() / 100 {
            1 => "1xx",
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            _ => "5xx",
        }
    }

    /// `Retry-After` in seconds; as a date it is not read.
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
        text.trim().parse().ok().map(Duration::from_secs)
    }

    fn error(&self, cause: Cause) -> CallError {
        CallError { upstream: self.upstream, cause }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(status: u16, body: &Value) -> Answer {
        let (head, ()) = http::Response::builder().status(status).body(()).unwrap().into_parts();
        Answer::new("regions", head, body.to_string().into())
    }

    #[test]
    fn an_answer_may_be_wrapped_or_bare() {
        let city = json!({ "id": 1, "name": "shanghai" });
        for body in [
            city.clone(),
            json!({ "code": 0, "data": city }),
            json!({ "meta": { "operation_id": "x" }, "data": city }),
        ] {
            assert_eq!(answer(200, &body).found::<Value>().unwrap(), Some(city.clone()), "{body}");
        }
        let own_data = json!({ "data": 1, "name": "x" });
        assert_eq!(answer(200, &own_data).found::<Value>().unwrap(), Some(own_data), "not an envelope");
    }

    #[test]
    fn a_404_is_nothing_and_another_failure_an_error() {
        let body = json!({ "code": 100_001, "message": "Not Found" });
        assert_eq!(answer(404, &body).found::<Value>().unwrap(), None);
        for (status, body) in
            [(500, json!({})), (302, json!({})), (200, json!({ "code": "10500", "data": null }))]
        {
            let error = answer(status, &body).found::<Value>().unwrap_err();
            assert_eq!(error.status(), StatusCode::BAD_GATEWAY, "{error}");
        }
    }
}

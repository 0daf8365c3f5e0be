//! What the OpenAPI document says of messages. The handler reads and writes them without these types.

use serde::Serialize;
use utoipa::ToSchema;

/// Seconds since 1970 with microseconds.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes")]
pub(super) enum Time {
    /// With `message.time_format: string`, the default.
    Text(String),
    /// With `message.time_format: number`.
    Number(f64),
}

/// The object that was sent, and these members.
#[derive(Serialize, ToSchema)]
pub(super) struct Answer {
    /// When the handling began.
    #[serde(rename = "pymicro.s_time")]
    s_time: Time,
    /// When it ended.
    #[serde(rename = "pymicro.e_time")]
    e_time: Time,
    /// 0 for success, -1 for failure.
    #[serde(rename = "pymicro.ret")]
    ret: i32,
}

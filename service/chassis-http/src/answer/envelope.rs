//! The policies of routers.

/// The policy of a router (contract section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Envelope {
    /// Success as the handler gives it. Errors: `{"message": text}`.
    #[default]
    Raw,
    /// Success as the handler gives it. Errors: `{"error": text}`. Indented by two spaces, except for scripts in a
    /// browser (`X-Requested-With: XMLHttpRequest`).
    RawError,
    /// `{"meta": {"operation_id": id}, "data": data}`. What a handler refuses: `{"meta": ..., "errors":
    /// [{"message": text, "path": where}]}`; what the chassis does: `{"message": text}` (contract 4.3).
    Meta,
    /// `{"code": 0, "data": data}`. Errors: `{"message": text, "code": code, "error": detail}` (contract 5.1).
    Code,
}

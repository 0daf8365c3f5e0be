//! Schemas of errors, for features that document theirs with `body = ...`.

use serde::Serialize;
use utoipa::ToSchema;

/// An error of a router with the policy Raw, and what the chassis says in those with Meta.
#[derive(Debug, Serialize, ToSchema)]
pub struct Message {
    /// What is wrong.
    pub message: String,
}

/// An error of a router with the policy RawError.
#[derive(Debug, Serialize, ToSchema)]
pub struct Error {
    /// What is wrong.
    pub error: String,
}

/// What a handler refuses in a router with the policy Meta.
#[derive(Debug, Serialize, ToSchema)]
pub struct Errors {
    /// About the request.
    #[schema(inline)]
    pub meta: Meta,
    /// Everything that is wrong.
    #[schema(inline)]
    pub errors: Vec<Fault>,
}

/// About a request.
#[derive(Debug, Serialize, ToSchema)]
pub struct Meta {
    /// A UUID; the log has it too.
    #[schema(format = "uuid")]
    pub operation_id: String,
}

/// One thing that is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct Fault {
    /// What.
    pub message: String,
    /// Where in the request.
    #[schema(nullable = false)]
    pub path: Option<String>,
}

/// An error of a router with the policy Code.
#[derive(Debug, Serialize, ToSchema)]
pub struct CodedMessage {
    /// What is wrong.
    pub message: String,
    #[schema(inline, nullable = false)]
    #[expect(
        missing_docs,
        reason = "a description here would become a type of its own beside that of the code"
    )]
    pub code: Option<Code>,
    /// What is wrong, where the words of the status do not say it.
    #[schema(nullable = false)]
    pub error: Option<String>,
}

/// A number or a text.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Code {
    /// 100001, if nothing more is known.
    Number(u32),
    /// For example 10500.
    Text(String),
}

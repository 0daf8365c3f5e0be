//! What the API server did not do, in the words of the rest of the operator.

use operator_core::model::{Class, Refusal};

/// Of a request that came to nothing.
pub fn refusal(error: kube::Error) -> Refusal {
    let class = match &error {
        error if namespace_is_ending(error) => Class::Gone,
        kube::Error::Api(status) if status.is_conflict() => Class::Conflict,
        kube::Error::Api(status) if status.is_invalid() => Class::User,
        _ => Class::Transient,
    };
    let words = match error {
        kube::Error::Api(status) => status.message,
        other => other.to_string(),
    };
    Refusal { class, words }
}

/// Did the API server refuse for the reason that the namespace is being deleted?
pub fn namespace_is_ending(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else { return false };
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes.into_iter().any(|cause| cause.reason == "NamespaceTerminating")
}

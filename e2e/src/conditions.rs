use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use operator_core::api::Microservice;

/// A condition of a Microservice by its type, such as `Ready`.
pub fn find<'a>(object: &'a Microservice, type_: &str) -> Option<&'a Condition> {
    object.status.as_ref()?.conditions.iter().find(|condition| condition.type_ == type_)
}

/// `True`, `False` or `Unknown`; empty where there is no such condition.
pub fn status<'a>(object: &'a Microservice, type_: &str) -> &'a str {
    find(object, type_).map_or("", |condition| &condition.status)
}

/// Why; empty where there is no such condition.
pub fn reason<'a>(object: &'a Microservice, type_: &str) -> &'a str {
    find(object, type_).map_or("", |condition| &condition.reason)
}

/// In words; empty where there is no such condition.
pub fn message<'a>(object: &'a Microservice, type_: &str) -> &'a str {
    find(object, type_).map_or("", |condition| &condition.message)
}

/// Does the object say of itself that it is Ready, and does it speak of this generation?
pub fn is_ready_at(object: &Microservice, generation: i64) -> bool {
    find(object, "Ready").is_some_and(|ready| {
        ready.status == "True" && ready.observed_generation.is_some_and(|seen| seen >= generation)
    })
}

//! Between typed objects and their JSON.

use kube::core::DynamicObject;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// The JSON of one of the API's types, which always have one.
pub fn json_of(typed: impl Serialize) -> Value {
    serde_json::to_value(typed).unwrap_or_default()
}

/// A part of an object, as its type; none where it is missing or of another form.
pub fn part<T: DeserializeOwned>(object: &DynamicObject, pointer: &str) -> Option<T> {
    object.data.pointer(pointer).and_then(|value| T::deserialize(value).ok())
}

/// An annotation of the pods that a Deployment makes.
pub fn template_annotation<'a>(object: &'a DynamicObject, name: &str) -> Option<&'a str> {
    object.data.pointer("/spec/template/metadata/annotations")?.get(name)?.as_str()
}

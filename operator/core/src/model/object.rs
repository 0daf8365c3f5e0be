//! Parts of objects that were read.

use kube::core::DynamicObject;
use serde::de::DeserializeOwned;

/// A part of an object, as its type; none where it is missing or of another form.
pub fn part<T: DeserializeOwned>(object: &DynamicObject, pointer: &str) -> Option<T> {
    object.data.pointer(pointer).and_then(|value| T::deserialize(value).ok())
}

/// An annotation of the pods that a Deployment makes.
pub fn template_annotation<'a>(object: &'a DynamicObject, name: &str) -> Option<&'a str> {
    object.data.pointer("/spec/template/metadata/annotations")?.get(name)?.as_str()
}

//! Pure: does a live object still say all that we want of it? The API server knows: whoever changes a
//! field of ours takes it out of what our field manager owns. Its record goes by the schema's own merge
//! keys, and a list or map that is one value is owned as one. What others add to what is not one value
//! is [`super::additions`]' business.

use kube::core::DynamicObject;
use serde_json::{Map, Value};

use crate::model::meta::is_ours;

/// What names an object is nobody's field.
const IDENTITY: [&str; 4] = ["apiVersion", "kind", "metadata.name", "metadata.namespace"];

/// The path of the first field of `desired` that is not ours in `live` any more; none if all are.
pub fn first_drift(desired: &Value, live: &DynamicObject) -> Option<String> {
    let version = desired["apiVersion"].as_str();
    let entries = live.metadata.managed_fields.iter().flatten();
    let ours = entries.filter(|entry| is_ours(entry) && entry.api_version.as_deref() == version);
    let fields = ours.filter_map(|entry| entry.fields_v1.as_ref()).map(|fields| tree(&fields.0)).next();
    let mut path = Vec::new();
    let owned = fields.unwrap_or_else(|| Value::Object(Map::default()));
    // A leaf owns all below it, but of the whole it means that nothing is ours.
    let nothing = owned.as_object().is_none_or(Map::is_empty);
    (nothing || is_lost(desired, &owned, &mut path)).then(|| path.join("."))
}

/// A store keeps it as text.
fn tree(fields: &Value) -> Value {
    match fields {
        Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
        fields => fields.clone(),
    }
}

/// Leaves `path` at the first field that is not owned.
fn is_lost<'a>(desired: &'a Value, owned: &Value, path: &mut Vec<&'a str>) -> bool {
    let Some(owned) = owned.as_object().filter(|owned| !owned.is_empty()) else { return false };
    match desired {
        Value::Object(fields) => fields.iter().any(|(name, value)| {
            path.push(name);
            let lost = match owned.get(&format!("f:{name}")) {
                Some(owned) => is_lost(value, owned, path),
                // An empty object or list may have been dropped on the way.
                None => !is_empty(value) && !IDENTITY.contains(&&*path.join(".")),
            };
            if !lost {
                path.pop();
            }
            lost
        }),
        Value::Array(items) => items.iter().any(|item| {
            let found = owned.iter().find(|(key, _)| is_item(item, key));
            found.is_none_or(|(_, owned)| is_lost(item, owned, path))
        }),
        _ => false,
    }
}

/// Does a key of the record, `k:{...}` or `v:...`, name this item of a list?
fn is_item(item: &Value, key: &str) -> bool {
    let json = |text: &str| serde_json::from_str::<Value>(text).ok();
    if let Some(value) = key.strip_prefix("v:") {
        return json(value).as_ref() == Some(item);
    }
    let keys = key.strip_prefix("k:").and_then(json);
    // A key that we don't send has the schema's default.
    keys.as_ref()
        .and_then(Value::as_object)
        .is_some_and(|keys| keys.iter().all(|(name, value)| item.get(name).is_none_or(|have| have == value)))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::model::meta::MANAGER;

    /// What is found, where `owned` is what the API server has noted of us.
    fn drift(desired: &Value, owned: &Value) -> Option<String> {
        let entry = json!({"manager": MANAGER, "operation": "Apply", "apiVersion": "v1", "fieldsV1": owned});
        let status = json!({"manager": MANAGER, "operation": "Apply", "apiVersion": "v1", "subresource": "status", "fieldsV1": {}});
        let live = json!({"metadata": {"managedFields": [status, entry]}});
        let mut desired = desired.clone();
        desired["apiVersion"] = json!("v1");
        first_drift(&desired, &serde_json::from_value(live).unwrap())
    }

    #[rstest]
    #[case::same(json!({"a": 1}), json!({"f:a": {}}), None)]
    #[case::identity(json!({"kind": "Service", "metadata": {"name": "n", "namespace": "s", "labels": {"a": "b"}}}), json!({"f:metadata": {"f:labels": {".": {}, "f:a": {}}}}), None)]
    #[case::changed_by_others(json!({"spec": {"a": 1, "b": 2}}), json!({"f:spec": {"f:b": {}}}), Some("spec.a"))]
    #[case::dropped_empty(json!({"a": {}, "b": 1}), json!({"f:b": {}}), None)]
    #[case::list_that_is_one_value(json!({"spec": {"ingress": [{"ports": [{"port": 80}]}]}}), json!({"f:spec": {"f:ingress": {}}}), None)]
    #[case::list_that_is_one_value_grew(json!({"spec": {"ingress": [], "egress": [1]}}), json!({"f:spec": {"f:x": {}}}), Some("spec.egress"))]
    #[case::container(json!({"containers": [{"name": "a", "image": "i"}]}), json!({"f:containers": {"k:{\"name\":\"a\"}": {".": {}, "f:name": {}, "f:image": {}}}}), None)]
    #[case::container_gone(json!({"containers": [{"name": "a"}]}), json!({"f:containers": {"k:{\"name\":\"x\"}": {"f:name": {}}}}), Some("containers"))]
    #[case::container_changed(json!({"containers": [{"name": "a", "image": "i"}]}), json!({"f:containers": {"k:{\"name\":\"a\"}": {"f:name": {}}}}), Some("containers.image"))]
    #[case::key_with_a_default(json!({"ports": [{"port": 80}]}), json!({"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {"f:port": {}}}}), None)]
    #[case::set(json!({"finalizers": ["a", "b"]}), json!({"f:finalizers": {"v:\"a\"": {}}}), Some("finalizers"))]
    fn what_is_not_ours_any_more_is_found(
        #[case] desired: Value,
        #[case] owned: Value,
        #[case] path: Option<&str>,
    ) {
        assert_eq!(drift(&desired, &owned).as_deref(), path);
        let kept = Value::String(owned.to_string());
        assert_eq!(drift(&desired, &kept).as_deref(), path, "as a store keeps it");
    }

    #[test]
    fn where_nothing_is_noted_nothing_is_ours() {
        let live: DynamicObject = serde_json::from_value(json!({"metadata": {}})).unwrap();
        assert!(first_drift(&json!({"apiVersion": "v1", "a": 1}), &live).is_some());
        assert!(drift(&json!({"a": 1}), &json!({})).is_some());
    }
}

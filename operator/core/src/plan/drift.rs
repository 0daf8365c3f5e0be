//! Pure: does a live object still say all that we want of it? What others add (an injected sidecar,
//! an annotation, a field the API server defaulted) is not our business.

use serde_json::Value;

use crate::api::parse_quantity;

/// Lists that the API server merges by key: others may add entries, and the order is free. All
/// other lists are one value.
const KEYED_LISTS: [&str; 9] = [
    "containers",
    "initContainers",
    "volumes",
    "volumeMounts",
    "env",
    "ports",
    "ownerReferences",
    "imagePullSecrets",
    "topologySpreadConstraints",
];

/// The path of the first place where `live` is not as `desired`; none if there is no such place.
pub fn first_drift(desired: &Value, live: &Value) -> Option<String> {
    let mut path = Vec::new();
    differs(desired, live, &mut path).then(|| path.join("."))
}

/// Leaves `path` at the difference it found.
fn differs<'a>(desired: &'a Value, live: &Value, path: &mut Vec<&'a str>) -> bool {
    match (desired, live) {
        (Value::Object(desired), Value::Object(live)) => desired.iter().any(|(key, value)| {
            path.push(key);
            let found = match live.get(key) {
                Some(live) => differs(value, live, path),
                // An empty object or list may have been dropped on the way.
                None => !is_empty(value),
            };
            if !found {
                path.pop();
            }
            found
        }),
        (Value::Array(desired), Value::Array(live)) => {
            let keyed = path.last().is_some_and(|name| KEYED_LISTS.contains(name));
            if keyed {
                desired.iter().any(|want| !live.iter().any(|have| same(want, have)))
            } else {
                desired.len() != live.len() || desired.iter().zip(live).any(|(want, have)| !same(want, have))
            }
        }
        (Value::String(desired), Value::String(live)) => {
            desired != live
                && !(is_quantity(path)
                    && parse_quantity(desired).is_some()
                    && parse_quantity(desired) == parse_quantity(live))
        }
        (desired, live) => desired != live,
    }
}

/// As `differs`, for an element of a list.
fn same(desired: &Value, live: &Value) -> bool {
    !differs(desired, live, &mut Vec::new())
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

/// There the API server writes 0.5 as 500m.
fn is_quantity(path: &[&str]) -> bool {
    matches!(
        path,
        [.., "requests" | "limits", _]
            | [.., "target", "value" | "averageValue"]
            | [.., "tolerance" | "sizeLimit" | "divisor"]
    )
}

#[cfg(test)]
mod tests {
    use super::first_drift;
    use rstest::rstest;
    use serde_json::{Value, json};

    #[rstest]
    #[case::same(json!({"a": 1}), json!({"a": 1}), None)]
    #[case::changed(json!({"spec": {"a": 1}}), json!({"spec": {"a": 2}}), Some("spec.a"))]
    #[case::removed(json!({"spec": {"a": 1}}), json!({"spec": {}}), Some("spec.a"))]
    #[case::added_by_others(json!({"a": {"b": 1}}), json!({"a": {"b": 1, "c": 2}, "d": 3}), None)]
    #[case::dropped_empty(json!({"a": {}}), json!({}), None)]
    #[case::atomic_list_grew(json!({"endpoints": [1]}), json!({"endpoints": [1, 2]}), Some("endpoints"))]
    #[case::injected_sidecar(json!({"containers": [{"name": "a"}]}), json!({"containers": [{"name": "x"}, {"name": "a", "image": "i"}]}), None)]
    #[case::container_gone(json!({"containers": [{"name": "a"}]}), json!({"containers": [{"name": "x"}]}), Some("containers"))]
    #[case::container_changed(json!({"containers": [{"name": "a", "image": "1"}]}), json!({"containers": [{"name": "a", "image": "2"}]}), Some("containers"))]
    #[case::quantity(json!({"requests": {"cpu": "0.5"}}), json!({"requests": {"cpu": "500m"}}), None)]
    #[case::quantity_binary(json!({"limits": {"memory": "1024Mi"}}), json!({"limits": {"memory": "1Gi"}}), None)]
    #[case::size_of_a_volume(json!({"emptyDir": {"sizeLimit": "1024Mi"}}), json!({"emptyDir": {"sizeLimit": "1Gi"}}), None)]
    #[case::quantity_changed(json!({"limits": {"memory": "1Gi"}}), json!({"limits": {"memory": "1G"}}), Some("limits.memory"))]
    #[case::no_quantity_elsewhere(json!({"data": {"n": "0.5"}}), json!({"data": {"n": "500m"}}), Some("data.n"))]
    fn finds_what_is_not_as_wanted(#[case] desired: Value, #[case] live: Value, #[case] path: Option<&str>) {
        assert_eq!(first_drift(&desired, &live).as_deref(), path);
    }
}

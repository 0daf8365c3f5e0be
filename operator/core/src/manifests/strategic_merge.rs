//! Kubernetes' strategic merge patch, for pod templates: objects are merged, null removes, and lists
//! whose elements have a name of their own are merged element by element. k8s-openapi's `DeepMerge`
//! can't remove anything.
//!
//! One thing is other than on the API server: `$patch: delete` in an object removes its field, where
//! the API server leaves an empty object. `kubectl apply` loses a null that is added to a custom
//! resource, so that there must be another way to remove a field.

use serde_json::{Map, Value};

type Object = Map<String, Value>;

/// What is no field but says how to merge.
const DIRECTIVE: &str = "$patch";
/// Of an object's fields only those listed stay, and those that the patch has.
const RETAIN: &str = "$retainKeys";

/// Lists of a pod template that are merged, and by which field of their elements. All others are
/// replaced.
const KEYS: [(&str, &str); 13] = [
    ("containers", "name"),
    ("initContainers", "name"),
    ("volumes", "name"),
    ("env", "name"),
    ("ports", "containerPort"),
    ("volumeMounts", "mountPath"),
    ("volumeDevices", "devicePath"),
    ("imagePullSecrets", "name"),
    ("hostAliases", "ip"),
    ("topologySpreadConstraints", "topologyKey"),
    ("schedulingGates", "name"),
    ("resourceClaims", "name"),
    ("ownerReferences", "uid"),
];

fn key_of(field: &str) -> Option<&'static str> {
    KEYS.iter().find(|(list, _)| *list == field).map(|(_, key)| *key)
}

fn directive(object: &Object) -> Option<&str> {
    object.get(DIRECTIVE).and_then(Value::as_str)
}

fn deletes(value: &Value) -> bool {
    value.is_null() || value.as_object().and_then(directive) == Some("delete")
}

/// Lays `patch` over `base`.
pub(crate) fn merge(base: &mut Value, patch: &Value) {
    merge_field(base, patch, "");
}

fn merge_field(base: &mut Value, patch: &Value, field: &str) {
    match (base, patch, key_of(field)) {
        (Value::Object(base), Value::Object(patch), _) => merge_objects(base, patch),
        (Value::Array(base), Value::Array(patch), Some(key)) => merge_lists(base, patch, key),
        (base, patch, _) => *base = plain(patch),
    }
}

fn merge_objects(base: &mut Object, patch: &Object) {
    if directive(patch) == Some("replace") {
        base.clear();
    }
    if let Some(Value::Array(kept)) = patch.get(RETAIN) {
        base.retain(|field, _| kept.iter().any(|kept| kept == field));
    }
    for (field, value) in patch.iter().filter(|(field, _)| !field.starts_with('$')) {
        if deletes(value) {
            base.remove(field);
        } else if let Some(base) = base.get_mut(field) {
            merge_field(base, value, field);
        } else {
            base.insert(field.clone(), plain(value));
        }
    }
}

fn merge_lists(base: &mut Vec<Value>, patch: &[Value], key: &str) {
    if patch.iter().filter_map(Value::as_object).any(|element| directive(element) == Some("replace")) {
        base.clear();
    }
    for element in patch.iter().filter(|element| element.get(key).is_some()) {
        let same = |other: &Value| other.get(key) == element.get(key);
        if deletes(element) {
            base.retain(|other| !same(other));
        } else if let (Some(base), Some(patch)) =
            (base.iter_mut().find(|other| same(other)).and_then(Value::as_object_mut), element.as_object())
        {
            merge_objects(base, patch);
        } else {
            base.push(plain(element));
        }
    }
}

/// What a patch says where there is nothing to merge it with.
fn plain(patch: &Value) -> Value {
    match patch {
        Value::Object(object) => {
            let fields = object.iter().filter(|(field, value)| !field.starts_with('$') && !deletes(value));
            fields.map(|(field, value)| (field.clone(), plain(value))).collect()
        }
        Value::Array(list) => list.iter().filter(|element| !deletes(element)).map(plain).collect(),
        other => other.clone(),
    }
}

/// Paths below which `patched` is not as `base`; what it has in addition doesn't count.
pub(super) fn changed(base: &Value, patched: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    compare(base, Some(patched), "", "", &mut paths);
    paths
}

fn compare(base: &Value, patched: Option<&Value>, field: &str, path: &str, paths: &mut Vec<String>) {
    match (base, patched, key_of(field)) {
        (Value::Object(base), Some(Value::Object(patched)), _) => {
            for (field, value) in base {
                compare(value, patched.get(field), field, &join(path, field), paths);
            }
        }
        (Value::Array(base), Some(Value::Array(patched)), Some(key)) => {
            for element in base {
                let same = patched.iter().find(|other| other.get(key) == element.get(key));
                compare(element, same, "", &format!("{path}[{}]", name(element.get(key))), paths);
            }
        }
        (base, patched, _) if patched != Some(base) => paths.push(path.to_owned()),
        _ => {}
    }
}

fn join(path: &str, field: &str) -> String {
    let separator = if path.is_empty() { "" } else { "." };
    format!("{path}{separator}{field}")
}

fn name(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

/// What is wrong with a patch: the path, and what to write instead.
pub(crate) fn faults(patch: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    inspect(patch, "", "", &mut found);
    found
}

fn inspect(value: &Value, field: &str, path: &str, found: &mut Vec<(String, String)>) {
    match (value, key_of(field)) {
        (Value::Object(_), Some(key)) => {
            found.push((path.to_owned(), format!("is a list: write - {key}: before its elements")));
        }
        (Value::Object(object), None) => inspect_object(object, path, found),
        (Value::Array(list), key) => {
            for (index, element) in list.iter().enumerate() {
                let path = format!("{path}[{index}]");
                let replaces = element.as_object().and_then(directive) == Some("replace");
                if let Some(key) = key
                    && element.get(key).is_none()
                    && !replaces
                {
                    found.push((path, format!("write {key}: it says which element is meant")));
                } else {
                    inspect(element, "", &path, found);
                }
            }
        }
        _ => {}
    }
}

fn inspect_object(object: &Object, path: &str, found: &mut Vec<(String, String)>) {
    for (field, value) in object {
        let path = join(path, field);
        match &**field {
            DIRECTIVE if !["delete", "replace"].iter().any(|known| value == known) => {
                found.push((path, "write delete or replace".into()));
            }
            RETAIN if !value.is_array() => found.push((path, "write a list of the fields that stay".into())),
            DIRECTIVE | RETAIN => {}
            unknown if unknown.starts_with('$') => {
                found.push((path, "is not known: $patch and $retainKeys are".into()));
            }
            _ => inspect(value, field, &path, found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{changed, faults, merge};
    use rstest::rstest;
    use serde_json::{Value, json};

    #[rstest]
    #[case::objects(json!({"a": {"b": 1}}), json!({"a": {"c": 2}}), json!({"a": {"b": 1, "c": 2}}))]
    #[case::null_removes(json!({"a": 1, "b": 2}), json!({"a": null}), json!({"b": 2}))]
    #[case::delete_removes(json!({"a": {"c": 1}, "b": 2}), json!({"a": {"$patch": "delete"}}), json!({"b": 2}))]
    #[case::replace(json!({"a": {"b": 1}}), json!({"a": {"$patch": "replace", "c": 2}}), json!({"a": {"c": 2}}))]
    #[case::nothing_to_remove(json!({}), json!({"a": {"b": null, "c": 1}}), json!({"a": {"c": 1}}))]
    #[case::atomic(json!({"tolerations": [1, 2]}), json!({"tolerations": [3]}), json!({"tolerations": [3]}))]
    #[case::retain(
        json!({"volumes": [{"name": "tmp", "emptyDir": {}}]}),
        json!({"volumes": [{"name": "tmp", "$retainKeys": ["name"], "ephemeral": {"x": 1}}]}),
        json!({"volumes": [{"name": "tmp", "ephemeral": {"x": 1}}]})
    )]
    #[case::by_name(
        json!({"containers": [{"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}]}, {"name": "b"}]}),
        json!({"containers": [{"name": "a", "env": [{"name": "X", "value": "2"}, {"name": "Y"}]}, {"name": "c"}]}),
        json!({"containers": [{"name": "a", "image": "1", "env": [{"name": "X", "value": "2"}, {"name": "Y"}]}, {"name": "b"}, {"name": "c"}]})
    )]
    #[case::by_port(
        json!({"ports": [{"containerPort": 1, "name": "a"}]}),
        json!({"ports": [{"containerPort": 1, "name": "b"}]}),
        json!({"ports": [{"containerPort": 1, "name": "b"}]})
    )]
    #[case::element_deleted(
        json!({"containers": [{"name": "a"}, {"name": "b"}]}),
        json!({"containers": [{"name": "a", "$patch": "delete"}]}),
        json!({"containers": [{"name": "b"}]})
    )]
    #[case::list_replaced(
        json!({"containers": [{"name": "a"}, {"name": "b"}]}),
        json!({"containers": [{"$patch": "replace"}, {"name": "c"}]}),
        json!({"containers": [{"name": "c"}]})
    )]
    fn merges_as_the_api_server_does(#[case] mut base: Value, #[case] patch: Value, #[case] expected: Value) {
        merge(&mut base, &patch);
        assert_eq!(base, expected);
    }

    #[test]
    fn names_what_changed_but_not_what_came() {
        let base = json!({"containers": [{"name": "a", "image": "1", "args": ["x"]}, {"name": "b"}], "n": 1, "m": {"k": 1}});
        let patched = json!({"containers": [{"name": "c"}, {"name": "a", "image": "2", "args": ["x", "y"], "tty": true}], "n": 1});
        assert_eq!(
            changed(&base, &patched),
            ["containers[a].args", "containers[a].image", "containers[b]", "m"]
        );
    }

    #[rstest]
    #[case(json!({"containers": {"name": "a"}}), "containers")]
    #[case(json!({"containers": [{"image": "1"}]}), "containers[0]")]
    #[case(json!({"containers": [{"name": "a", "env": [{"value": "1"}]}]}), "containers[0].env[0]")]
    #[case(json!({"a": {"$patch": "remove"}}), "a.$patch")]
    #[case(json!({"a": {"$setElementOrder/b": []}}), "a.$setElementOrder/b")]
    #[case(json!({"a": {"$retainKeys": "name"}}), "a.$retainKeys")]
    fn says_where_a_patch_is_wrong(#[case] patch: Value, #[case] path: &str) {
        let paths: Vec<_> = faults(&patch).into_iter().map(|(path, _)| path).collect();
        assert_eq!(paths, [path]);
    }

    #[test]
    fn finds_no_fault_with_what_is_right() {
        let patch = json!({"spec": {"containers": [{"$patch": "replace"}, {"name": "a", "args": ["x"], "env": [{"name": "E", "$patch": "delete"}]}],
            "tolerations": [{"key": "k"}], "hostAliases": [{"ip": "::1"}]}});
        assert_eq!(faults(&patch), []);
    }
}

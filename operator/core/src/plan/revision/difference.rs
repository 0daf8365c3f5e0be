//! Pure: where two JSON values differ.

use std::collections::BTreeSet;

use serde_json::Value;

/// More paths than this help nobody.
const MOST: usize = 16;

/// The paths below `root` at which the values differ. Entries of a list go by their name, where they
/// have one.
pub fn difference(root: &str, before: &Value, after: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    walk(root, before, after, &mut paths);
    paths.truncate(MOST);
    paths
}

fn walk(path: &str, before: &Value, after: &Value, paths: &mut Vec<String>) {
    match (before, after) {
        _ if before == after || paths.len() >= MOST => {}
        (Value::Object(b), Value::Object(a)) => {
            for key in b.keys().chain(a.keys()).collect::<BTreeSet<_>>() {
                let of = |map: &serde_json::Map<_, _>| map.get(key).cloned().unwrap_or_default();
                walk(&format!("{path}.{key}"), &of(b), &of(a), paths);
            }
        }
        // An empty list may not be written at all.
        (Value::Null, Value::Array(_)) => walk(path, &Value::Array(Vec::new()), after, paths),
        (Value::Array(_), Value::Null) => walk(path, before, &Value::Array(Vec::new()), paths),
        (Value::Array(b), Value::Array(a)) => match (named(b), named(a)) {
            (Some(before), Some(after)) => {
                let names: BTreeSet<_> = before.iter().chain(&after).map(|(name, _)| name).collect();
                let find = |list: &[(&str, &Value)], name: &str| {
                    list.iter()
                        .find(|(n, _)| *n == name)
                        .map(|(_, value)| (*value).clone())
                        .unwrap_or_default()
                };
                for name in names {
                    walk(&format!("{path}[{name}]"), &find(&before, name), &find(&after, name), paths);
                }
                // The same entries in another order.
                if paths.is_empty() && before != after {
                    paths.push(path.to_owned());
                }
            }
            _ => paths.push(path.to_owned()),
        },
        _ => paths.push(path.to_owned()),
    }
}

/// The entries by their names; none if one has none.
fn named(list: &[Value]) -> Option<Vec<(&str, &Value)>> {
    list.iter().map(|entry| Some((entry.get("name")?.as_str()?, entry))).collect()
}

#[cfg(test)]
mod tests {
    use super::difference;
    use rstest::rstest;
    use serde_json::{Value, json};

    #[rstest]
    #[case::same(json!({"a": 1}), json!({"a": 1}), &[])]
    #[case::changed(json!({"a": {"b": 1, "c": 1}}), json!({"a": {"b": 2, "c": 1}}), &["spec.a.b"])]
    #[case::added_and_removed(json!({"a": 1}), json!({"b": 1}), &["spec.a", "spec.b"])]
    #[case::named(json!({"env": [{"name": "A", "value": "1"}, {"name": "B"}]}), json!({"env": [{"name": "A", "value": "2"}, {"name": "C"}]}), &["spec.env[A].value", "spec.env[B]", "spec.env[C]"])]
    #[case::first(json!({}), json!({"env": [{"name": "A"}]}), &["spec.env[A]"])]
    #[case::order(json!({"env": [{"name": "A"}, {"name": "B"}]}), json!({"env": [{"name": "B"}, {"name": "A"}]}), &["spec.env"])]
    #[case::plain_list(json!({"args": ["a"]}), json!({"args": ["a", "b"]}), &["spec.args"])]
    fn names_the_fields_that_differ(#[case] before: Value, #[case] after: Value, #[case] paths: &[&str]) {
        assert_eq!(difference("spec", &before, &after), paths);
    }

    #[test]
    fn a_long_list_is_cut() {
        let many = |value: i32| (0..100).map(|i| (format!("f{i}"), json!(value))).collect::<Value>();
        assert_eq!(difference("spec", &many(1), &many(2)).len(), 16);
    }
}

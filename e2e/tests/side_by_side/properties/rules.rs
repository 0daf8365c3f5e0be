//! The CRD's schema and rules, evaluated without an API server.

use std::collections::{BTreeSet, HashSet};

use jsonschema::Validator;
use kube_cel::{CompiledSchema, compile_schema};
use serde_json::{Value, json};

/// What the CRD says of a Microservice.
pub struct Rules {
    schema: Value,
    structure: Validator,
    compiled: CompiledSchema,
}

impl Rules {
    pub fn new() -> Self {
        let crd = serde_json::to_value(operator_core::api::crd()).unwrap();
        let schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone();
        let mut plain = schema.clone();
        to_json_schema(&mut plain);
        let structure = jsonschema::draft7::new(&plain).unwrap();
        let compiled = compile_schema(&schema);
        Self { schema, structure, compiled }
    }

    /// The schema of `spec`.
    pub fn spec(&self) -> &Value {
        &self.schema["properties"]["spec"]
    }

    /// What is wrong with a spec.
    pub fn check(&self, spec: &Value) -> Vec<String> {
        let mut object = json!({});
        if !spec.is_null() {
            object["spec"] = without_nulls(spec);
        }
        let mut wrong: Vec<_> = self
            .structure
            .iter_errors(&object)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        duplicates(&self.schema, &object, &mut wrong);
        if !wrong.is_empty() {
            // As the API server: the rules only see what has the right form.
            return wrong;
        }
        match kube_cel::Validator::new().validate_compiled(&self.compiled, &object, None) {
            Ok(()) => Vec::new(),
            Err(errors) => errors.into_iter().map(|error| error.to_string()).collect(),
        }
    }
}

/// The API server drops a null where the schema has a default or allows none.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key.clone(), without_nulls(value)))
            .collect(),
        Value::Array(list) => list.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

/// Kubernetes' own words in the schema as JSON Schema has them. An unknown field is an error, as with
/// kubectl.
fn to_json_schema(schema: &mut Value) {
    let Value::Object(map) = schema else { return };
    if map.get("x-kubernetes-int-or-string") == Some(&json!(true)) {
        map.insert("type".into(), json!(["integer", "string"]));
    }
    if let Some(keys) = map.get("x-kubernetes-list-map-keys").cloned()
        && let Some(items) = map.get_mut("items")
        && items.get("required").is_none()
    {
        items["required"] = keys;
    }
    let open = map.get("x-kubernetes-preserve-unknown-fields") == Some(&json!(true))
        || map.contains_key("additionalProperties")
        || !map.contains_key("properties");
    if !open {
        map.insert("additionalProperties".into(), json!(false));
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = map.get_mut(key) {
            to_json_schema(inner);
        }
    }
    for inner in
        map.get_mut("properties").and_then(Value::as_object_mut).into_iter().flat_map(|p| p.values_mut())
    {
        to_json_schema(inner);
    }
}

/// Entries of a list that are the same by its keys.
fn duplicates(schema: &Value, value: &Value, wrong: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (name, inner) in map {
                let schema = schema["properties"].get(name).or_else(|| schema.get("additionalProperties"));
                duplicates(schema.unwrap_or(&Value::Null), inner, wrong);
            }
        }
        Value::Array(list) => {
            let mut seen = HashSet::new();
            for entry in list {
                let key = match schema["x-kubernetes-list-type"].as_str() {
                    Some("map") => schema["x-kubernetes-list-map-keys"].as_array().map(|keys| {
                        keys.iter().map(|key| entry[key.as_str().unwrap_or_default()].to_string()).collect()
                    }),
                    Some("set") => Some(vec![entry.to_string()]),
                    _ => None,
                };
                if let Some(key) = key
                    && !seen.insert(key)
                {
                    wrong.push(format!("duplicate {entry}"));
                }
                duplicates(&schema["items"], entry, wrong);
            }
        }
        _ => {}
    }
}

/// The paths of all fields of a schema, such as `proxy.timeout` and `env[].name`, but not what is
/// below `opaque`.
pub fn paths(schema: &Value, opaque: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    collect(schema, "", opaque, &mut found);
    found
}

fn collect(schema: &Value, path: &str, opaque: &[&str], found: &mut Vec<String>) {
    if opaque.contains(&path) {
        return;
    }
    if let Some(items) = schema.get("items") {
        collect(items, &format!("{path}[]"), opaque, found);
    }
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        found.push(path.clone());
        collect(inner, &path, opaque, found);
    }
}

/// The same of a value.
pub fn paths_of(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (name, inner) in map {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                found.insert(path.clone());
                paths_of(inner, &path, found);
            }
        }
        Value::Array(list) => list.iter().for_each(|inner| paths_of(inner, &format!("{path}[]"), found)),
        _ => {}
    }
}

//! Swagger 2.0 out of OpenAPI 3.1: what the older language cannot say is left out.

use serde_json::{Map, Value, json};

use super::document::TOKEN;

/// Members of a schema that mean the same in both.
const SCHEMA: [&str; 22] = [
    "title",
    "description",
    "default",
    "enum",
    "format",
    "multipleOf",
    "maximum",
    "minimum",
    "maxLength",
    "minLength",
    "pattern",
    "maxItems",
    "minItems",
    "uniqueItems",
    "maxProperties",
    "minProperties",
    "required",
    "readOnly",
    "xml",
    "externalDocs",
    "example",
    "type",
];

/// Members that a parameter has itself, instead of in a schema.
const PARAMETER: [&str; 14] = [
    "type",
    "format",
    "items",
    "default",
    "maximum",
    "exclusiveMaximum",
    "minimum",
    "exclusiveMinimum",
    "maxLength",
    "minLength",
    "pattern",
    "maxItems",
    "minItems",
    "enum",
];

const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

/// The same API in Swagger 2.0.
pub(super) fn of(openapi: &Value) -> Value {
    let paths = entries(&openapi["paths"]).map(|(path, item)| {
        let operations = METHODS
            .iter()
            .filter_map(|method| Some(((*method).to_owned(), operation(item.get(method)?))))
            .collect::<Map<_, _>>();
        (path.clone(), Value::Object(operations))
    });
    let definitions =
        entries(&openapi["components"]["schemas"]).map(|(name, each)| (name.clone(), schema(each)));
    let mut swagger = json!({
        "swagger": "2.0",
        "info": openapi["info"],
        "schemes": ["http"],
        "tags": openapi["tags"],
        "paths": paths.collect::<Map<_, _>>(),
        "definitions": definitions.collect::<Map<_, _>>(),
    });
    if let Some(scheme) = openapi["components"]["securitySchemes"].get(TOKEN) {
        let token = scheme["description"].as_str().unwrap_or_default();
        // It knows no bearer tokens: as near as it gets.
        swagger["securityDefinitions"] = json!({ TOKEN: {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": format!("{token}, with `Bearer ` before it"),
        } });
    }
    swagger
}

fn operation(openapi: &Value) -> Value {
    let mut swagger = kept(openapi, &["operationId", "summary", "description", "tags", "deprecated"]);
    if openapi.get("security").is_some() {
        // Only OAuth's schemes have scopes there.
        swagger.insert("security".to_owned(), json!([{ TOKEN: [] }]));
    }
    let mut parameters: Vec<Value> = items(&openapi["parameters"]).filter_map(parameter).collect();
    let body = &openapi["requestBody"];
    let mut consumes: Vec<&String> = Vec::new();
    if let Some((_, content)) = entries(&body["content"]).next() {
        consumes = entries(&body["content"]).map(|(kind, _)| kind).collect();
        let mut parameter = kept(body, &["description"]);
        parameter.extend(members(json!({
            "in": "body",
            "name": "body",
            "required": body["required"].as_bool().unwrap_or(false),
            "schema": schema(&content["schema"]),
        })));
        parameters.push(parameter.into());
    }
    let responses = entries(&openapi["responses"]).map(|(status, each)| (status.clone(), response(each)));
    let mut produces: Vec<&String> = entries(&openapi["responses"])
        .flat_map(|(_, response)| entries(&response["content"]).map(|(kind, _)| kind))
        .collect();
    produces.sort_unstable();
    produces.dedup();
    let mut lists = json!({ "parameters": parameters, "consumes": consumes, "produces": produces });
    if let Some(lists) = lists.as_object_mut() {
        lists.retain(|_, list| list.as_array().is_some_and(|list| !list.is_empty()));
        swagger.append(lists);
    }
    swagger.insert("responses".to_owned(), responses.collect::<Map<_, _>>().into());
    swagger.into()
}

/// Cookies cannot be described.
fn parameter(openapi: &Value) -> Option<Value> {
    let place = openapi["in"].as_str().filter(|place| ["query", "header", "path"].contains(place))?;
    let mut swagger = kept(openapi, &["name", "in", "description", "required", "allowEmptyValue"]);
    let described = schema(&openapi["schema"]);
    swagger.extend(kept(&described, &PARAMETER));
    swagger.entry("type").or_insert_with(|| "string".into());
    if place == "path" {
        swagger.insert("required".to_owned(), true.into());
    }
    if let Some(example) = openapi.get("example").or_else(|| openapi["schema"].get("example")) {
        swagger.insert("x-example".to_owned(), example.clone());
    }
    Some(swagger.into())
}

fn response(openapi: &Value) -> Value {
    let mut swagger = kept(openapi, &["description"]);
    swagger.entry("description").or_insert_with(|| "".into());
    if let Some((_, content)) =
        entries(&openapi["content"]).next().filter(|(_, content)| !content["schema"].is_null())
    {
        swagger.insert("schema".to_owned(), schema(&content["schema"]));
    }
    let examples: Map<_, _> = entries(&openapi["content"])
        .filter_map(|(kind, content)| Some((kind.clone(), example(content)?.clone())))
        .collect();
    if !examples.is_empty() {
        swagger.insert("examples".to_owned(), examples.into());
    }
    swagger.into()
}

/// Of several there is room for the first.
fn example(content: &Value) -> Option<&Value> {
    content.get("example").or_else(|| entries(&content["examples"]).next()?.1.get("value"))
}

fn schema(openapi: &Value) -> Value {
    if let Some(name) = openapi["$ref"].as_str() {
        return json!({ "$ref": name.replace("#/components/schemas/", "#/definitions/") });
    }
    let mut swagger = kept(openapi, &SCHEMA);
    swagger.extend(
        entries(openapi).filter(|(name, _)| name.starts_with("x-")).map(|(n, v)| (n.clone(), v.clone())),
    );
    one_type(&mut swagger);
    if let Some(only) = openapi.get("const") {
        swagger.insert("enum".to_owned(), json!([only]));
    }
    if let Some(first) = openapi["examples"].get(0) {
        swagger.entry("example").or_insert_with(|| first.clone());
    }
    for (exclusive, limit) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        if let Some(number) = openapi.get(exclusive).filter(|number| number.is_number()) {
            swagger.insert(limit.to_owned(), number.clone());
            swagger.insert(exclusive.to_owned(), true.into());
        }
    }
    for name in ["items", "additionalProperties"] {
        if let Some(inner) = openapi.get(name) {
            swagger.insert(name.to_owned(), if inner.is_boolean() { inner.clone() } else { schema(inner) });
        }
    }
    if let Some(parts) = openapi["allOf"].as_array() {
        swagger.insert("allOf".to_owned(), parts.iter().map(schema).collect());
    }
    if openapi["properties"].is_object() {
        let properties = entries(&openapi["properties"]).map(|(name, each)| (name.clone(), schema(each)));
        swagger.insert("properties".to_owned(), properties.collect::<Map<_, _>>().into());
    }
    // A choice cannot be said, unless it is between something and nothing.
    let choice = openapi.get("oneOf").or_else(|| openapi.get("anyOf"));
    let choices: Vec<&Value> =
        choice.map(items).into_iter().flatten().filter(|each| each["type"] != "null").collect();
    if let ([only], Some(_)) = (choices.as_slice(), choice) {
        let only = schema(only);
        if only.get("$ref").is_some() {
            swagger.insert("allOf".to_owned(), json!([only]));
        } else {
            swagger.extend(members(only));
        }
        swagger.insert("x-nullable".to_owned(), true.into());
    }
    swagger.into()
}

/// `["string", "null"]` is a string that may be missing; of more there is no word.
fn one_type(swagger: &mut Map<String, Value>) {
    let Some(Value::Array(types)) = swagger.get("type") else { return };
    let (types, had) =
        (types.iter().filter(|each| *each != "null").cloned().collect::<Vec<_>>(), types.len());
    if types.len() < had {
        swagger.insert("x-nullable".to_owned(), true.into());
    }
    match types.as_slice() {
        [only] => _ = swagger.insert("type".to_owned(), only.clone()),
        _ => _ = swagger.remove("type"),
    }
}

fn kept(object: &Value, names: &[&str]) -> Map<String, Value> {
    names.iter().filter_map(|name| Some(((*name).to_owned(), object.get(name)?.clone()))).collect()
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_older_language_cannot_say_is_said_as_well_as_it_goes() {
        for (newer, older) in [
            (json!({"$ref": "#/components/schemas/User"}), json!({"$ref": "#/definitions/User"})),
            (json!({"type": ["string", "null"]}), json!({"type": "string", "x-nullable": true})),
            (json!({"type": ["integer", "string"]}), json!({})),
            (json!({"const": 0}), json!({"enum": [0]})),
            (json!({"exclusiveMinimum": 3}), json!({"minimum": 3, "exclusiveMinimum": true})),
            (json!({"examples": [1, 2]}), json!({"example": 1})),
            (json!({"items": {"const": 1}, "prefixItems": []}), json!({"items": {"enum": [1]}})),
            (
                json!({"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/X"}]}),
                json!({"allOf": [{"$ref": "#/definitions/X"}], "x-nullable": true}),
            ),
            (json!({"oneOf": [{"type": "string"}, {"type": "number"}], "title": "t"}), json!({"title": "t"})),
            (
                json!({"anyOf": [{"type": "null"}, {"type": "string"}]}),
                json!({"type": "string", "x-nullable": true}),
            ),
            (
                json!({"additionalProperties": true, "properties": {"a": {"const": 1}}}),
                json!({"additionalProperties": true, "properties": {"a": {"enum": [1]}}}),
            ),
        ] {
            assert_eq!(schema(&newer), older, "{newer}");
        }
    }

    /// contract 5.9.34
    #[test]
    fn an_operation_has_its_parameters_body_and_answers() {
        let newer = json!({
            "operationId": "set", "summary": "s", "tags": ["users"],
            "parameters": [
                {"in": "path", "name": "id", "required": true, "schema": {"type": "integer", "format": "int64"}},
                {"in": "cookie", "name": "c", "schema": {"type": "string"}},
                {"in": "query", "name": "q", "schema": {"type": ["string", "null"]}, "example": "x"},
            ],
            "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/User"}}}},
            "responses": {"200": {"description": "success", "content": {"application/json": {
                "schema": {"type": "string"}, "example": "hi"}}}, "204": {"description": ""}},
        });
        let older = json!({
            "operationId": "set", "summary": "s", "tags": ["users"],
            "consumes": ["application/json"], "produces": ["application/json"],
            "parameters": [
                {"in": "path", "name": "id", "required": true, "type": "integer", "format": "int64"},
                {"in": "query", "name": "q", "type": "string", "x-example": "x"},
                {"in": "body", "name": "body", "required": true, "schema": {"$ref": "#/definitions/User"}},
            ],
            "responses": {
                "200": {"description": "success", "schema": {"type": "string"}, "examples": {"application/json": "hi"}},
                "204": {"description": ""},
            },
        });
        assert_eq!(operation(&newer), older);
    }
}

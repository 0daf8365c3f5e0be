//! One OpenAPI 3.1 document out of the features' parts.

use chassis_http::{Envelope, Routes};
use serde_json::{Map, Value, json};

use super::envelope;
use crate::config::{Auth, Config};

/// The name of the one security scheme.
pub(super) const TOKEN: &str = "token";

/// `wrap` changes each successful answer's schema for the envelope of its router.
pub(super) fn of(config: &Config, features: &[Routes], wrap: fn(Envelope, &mut Value)) -> Value {
    let mut paths = Map::new();
    let mut schemas = Map::new();
    let mut tags: Vec<Value> = Vec::new();
    for Routes { envelope, paths: described, schemas: used, maxima, may_be_empty, .. } in features {
        if described.paths.is_empty() {
            continue;
        }
        let errors = envelope::errors(*envelope);
        let used = used.iter().map(|(name, schema)| (name.as_str(), schema));
        for (name, schema) in used.chain(errors.iter().map(|(name, schema)| (*name, schema))) {
            let schema = value(schema);
            let other = schemas.insert(name.to_owned(), schema.clone());
            if other.is_some_and(|other| other != schema) {
                tracing::error!("two schemas have the name {name}; rename one with #[schema(as = ...)]");
            }
        }
        let Value::Object(described) = value(described) else { continue };
        for (path, mut item) in described {
            let operations = item.as_object_mut().into_iter().flat_map(Map::values_mut);
            for operation in operations.filter(|operation| operation.get("responses").is_some()) {
                for tag in operation["tags"].as_array().into_iter().flatten() {
                    let tag = json!({ "name": tag });
                    if !tags.contains(&tag) {
                        tags.push(tag);
                    }
                }
                if config.auth.guards(&path) {
                    protect(operation, &config.auth);
                }
                answers(operation, *envelope, wrap);
                limit(operation, maxima, may_be_empty);
            }
            paths.insert(path, item);
        }
    }
    let mut components = json!({ "schemas": schemas });
    unite(&mut components);
    if let Some(issuer) = &config.auth.issuer {
        let description = format!("An access token of {}", issuer.as_str());
        components["securitySchemes"] = json!({ TOKEN: {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": description,
        } });
    }
    json!({
        "openapi": "3.1.0",
        "info": info(config),
        "servers": [{ "url": "/" }],
        "tags": tags,
        "paths": paths,
        "components": components,
    })
}

/// utoipa describes a member with a schema of its own by a second schema beside it, which allows nothing but objects:
/// its description belongs into the first.
fn unite(schema: &mut Value) {
    let description = match schema["allOf"].as_array().map(Vec::as_slice) {
        Some([_, second]) if second["type"] == "object" && second.get("properties").is_none() => {
            second.get("description").cloned()
        }
        _ => None,
    };
    if let Some(description) = description {
        *schema = schema["allOf"][0].take();
        schema["description"] = description;
    }
    match schema {
        Value::Object(members) => members.values_mut().for_each(unite),
        Value::Array(items) => items.iter_mut().for_each(unite),
        _ => {}
    }
}

fn info(config: &Config) -> Value {
    let mut info = json!({
        "title": config.service.name,
        "version": config.service.version,
        "description": config.openapi.description,
    });
    if let Some(terms) = config.openapi.terms_of_service.get() {
        info["termsOfService"] = terms.into();
    }
    if let Some(email) = config.openapi.contact_email.get() {
        info["contact"] = json!({ "email": email });
    }
    info
}

/// What every operation may answer besides what its handler does.
fn answers(operation: &mut Value, envelope: Envelope, wrap: fn(Envelope, &mut Value)) {
    let has_body = operation.get("requestBody").is_some();
    let has_token = operation.get("security").is_some();
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    for (_, response) in responses.iter_mut().filter(|(status, _)| status.starts_with('2')) {
        // Contract 5.9.34 has this word.
        if response.get("description").is_none() {
            response["description"] = "success".into();
        }
        let contents =
            response.get_mut("content").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut);
        contents.filter_map(|content| content.get_mut("schema")).for_each(|schema| wrap(envelope, schema));
    }
    let of_bodies = [("408", "The body did not come in time"), ("413", "The body is too large")];
    let of_all = [
        ("500", "The service failed; the log has the reason under the operation id"),
        ("503", "All workers are busy; try again after the seconds in Retry-After"),
        ("504", "The service took too long"),
    ];
    let of_tokens = [("401", "There is no token, or none that counts"), ("403", "The token lacks a scope")];
    let of_bodies = of_bodies.into_iter().filter(|_| has_body);
    let of_tokens = of_tokens.into_iter().filter(|_| has_token);
    let error = envelope::errors(envelope).first().map_or("", |(name, _)| *name);
    for (status, description) in of_tokens.chain(of_bodies).chain(of_all) {
        responses.entry(status).or_insert_with(|| {
            let schema = json!({ "$ref": format!("#/components/schemas/{error}") });
            json!({ "description": description, "content": { "application/json": { "schema": schema } } })
        });
    }
}

/// Says that a token is needed, and what for.
fn protect(operation: &mut Value, auth: &Auth) {
    operation["security"] = json!([{ TOKEN: auth.scopes.iter().collect::<Vec<_>>() }]);
}

fn limit(operation: &mut Value, maxima: &[(&str, u32)], may_be_empty: &[&str]) {
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some((_, most)) = maxima.iter().find(|(name, _)| parameter["name"] == *name) {
            parameter["schema"]["maximum"] = (*most).into();
        }
        if may_be_empty.iter().any(|name| parameter["name"] == *name) {
            parameter["allowEmptyValue"] = true.into();
        }
    }
}

/// Everything that is described is JSON.
fn value(part: &impl serde::Serialize) -> Value {
    serde_json::to_value(part).unwrap_or_default()
}

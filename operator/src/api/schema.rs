//! Pieces of the CRD's schema that Rust types alone can't express.

use schemars::{Schema, SchemaGenerator, json_schema};

/// An object of any content: the service checks it, not the API server.
pub(super) fn free_object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}

/// Conditions as `kubectl wait` and other tools expect them: a list keyed by type.
pub(super) fn conditions(generator: &mut SchemaGenerator) -> Schema {
    let item = generator.subschema_for::<k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition>();
    json_schema!({
        "type": "array",
        "items": item,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
    })
}

/// Amounts by resource name. Kubernetes' own text on quantities is longer than all of ours.
pub(super) fn quantities(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 16,
        "additionalProperties": {
            "description": "A quantity, such as 100m, 0.5, 64Mi or 1Gi.",
            "x-kubernetes-int-or-string": true,
        },
    })
}

//! Pieces of the CRD's schema that Rust types alone can't express.
//!
//! Maps have `{}` as default: where server-side apply empties one that had entries it leaves null, which
//! the API server takes for the default, or else refuses.

use k8s_openapi::{
    api::autoscaling::v2::{HorizontalPodAutoscalerBehavior, MetricSpec},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::{
        JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
    },
    apimachinery::pkg::apis::meta::v1::Condition,
};
use kube::core::Rule;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// An object of any content: the service checks it, not the API server.
pub(super) fn free_object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}

/// The service's configuration.
pub(super) fn config(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "default": {}, "x-kubernetes-preserve-unknown-fields": true})
}

/// A patch: only the two parts that a pod template has.
pub(super) fn pod_template(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "properties": {"metadata": free_object(generator), "spec": free_object(generator)},
    })
}

/// Conditions as `kubectl wait` and other tools expect them: a list keyed by type.
pub(super) fn conditions(generator: &mut SchemaGenerator) -> Schema {
    let item = generator.subschema_for::<Condition>();
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
        "default": {},
        "maxProperties": 8,
        "additionalProperties": {
            "description": "A quantity, such as 100m, 0.5, 64Mi or 1Gi.",
            "x-kubernetes-int-or-string": true,
            "maxLength": 32,
        },
    })
}

/// The rule of [`count_or_share`]: 0 to 1000, or "0%" to "100%". Only text is equal to itself as text.
pub(super) const COUNT_OR_SHARE: &str = "self == string(self) ? string(self).matches('^(100|[1-9]?[0-9])%$') : string(self).matches('^([0-9]{1,3}|1000)$')";

/// A number, or a share such as 25%. The rules beside the field bound it.
pub(super) fn count_or_share(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"x-kubernetes-int-or-string": true, "maxLength": 4})
}

/// Labels; bounded, or the API server could not afford the rules on them.
pub(super) fn labels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "default": {},
        "maxProperties": 32,
        "additionalProperties": {"type": "string", "maxLength": 63},
    })
}

/// The rule of the values of [`labels`].
pub(super) fn label_values() -> Rule {
    Rule::new("self.all(k, self[k].matches('^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$'))").message(
        "label values have at most 63 letters, digits, -, _ or ., and start and end with a letter or digit",
    )
}

/// The rule of the names of [`labels`] of an object that has the operator's as well.
pub(super) fn foreign_labels() -> Rule {
    Rule::new("self.all(k, !k.startsWith('microservice.dev/') && k != 'app.kubernetes.io/managed-by')").message(
        "app.kubernetes.io/managed-by and labels below microservice.dev/ are the operator's: use another label",
    )
}

/// The rule of the names of [`annotations`] of an object that has the operator's as well.
pub(super) fn foreign_annotations() -> Rule {
    Rule::new("self.all(k, !k.startsWith('microservice.dev/'))")
        .message("annotations below microservice.dev/ are the operator's: use a prefix of your own")
}

/// Annotations; bounded for the same reason.
pub(super) fn annotations(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "default": {},
        "maxProperties": 32,
        "additionalProperties": {"type": "string", "maxLength": 8192},
    })
}

/// A host name, perhaps with a wildcard for its first label.
pub(super) fn hostname(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "minLength": 1,
        "maxLength": 253,
        "x-kubernetes-validations": [{
            "rule": r"self.matches('^([*][.])?[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",
            "message": "write a host name in lower case, without scheme and port, such as shop.example.com or *.example.com",
        }],
    })
}

/// Several of them.
pub(super) fn hostnames(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "maxItems": 16, "items": hostname(generator)})
}

/// As in a Service's port.
pub(super) fn app_protocol(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": 128,
        "x-kubernetes-validations": [{
            "rule": "self.matches('^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$')",
            "message": "write the name of a protocol, such as http or kubernetes.io/h2c",
        }],
    })
}

/// A port's number or name.
pub(super) fn target_port(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "x-kubernetes-int-or-string": true,
        "maxLength": 15,
        "x-kubernetes-validations": [{
            "rule": "self == string(self) ? string(self).matches('^[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$') && string(self).matches('[a-z]') && !string(self).contains('--') : int(self) >= 1 && int(self) <= 65535",
            "message": "write a number from 1 to 65535, or the name of a container's port",
        }],
    })
}

/// No enum and no default: some readers of YAML take an unquoted `off` for false, in the CRD as well.
pub(super) fn network_policy(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": 16,
        "x-kubernetes-validations": [{
            "rule": "self in ['off', 'open', 'restricted']",
            "message": "write \"off\" (with its quotes), open or restricted",
        }],
    })
}

/// Addresses and networks.
pub(super) fn networks(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 64,
        "items": {
            "type": "string",
            "maxLength": 43,
            "x-kubernetes-validations": [{
                "rule": "isIP(self) || isCIDR(self)",
                "message": "write an address or a network, such as 192.0.2.1, 10.0.0.0/8 or fd00::/8",
            }],
        },
    })
}

/// Names and texts of a rule.
pub(super) fn texts(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "default": {},
        "maxProperties": 16,
        "additionalProperties": {"type": "string", "maxLength": 1024},
    })
}

/// An autoscaler's metrics, without Kubernetes' own text, which is longer than all of ours.
pub(super) fn metrics(generator: &mut SchemaGenerator) -> Schema {
    let mut item = MetricSpec::json_schema(generator);
    item.remove("description");
    drop_descriptions(&mut item);
    json_schema!({"type": "array", "maxItems": 16, "x-kubernetes-list-type": "atomic", "items": item})
}

/// An autoscaler's behaviour, with Kubernetes' own text and bounds.
pub(super) fn behavior(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = HorizontalPodAutoscalerBehavior::json_schema(generator);
    for direction in ["scaleUp", "scaleDown"] {
        for (field, lowest, highest) in [
            ("stabilizationWindowSeconds", 0, 3600),
            ("policies/items/properties/value", 1, 1_000_000),
            ("policies/items/properties/periodSeconds", 1, 1800),
        ] {
            let path = format!("/properties/{direction}/properties/{field}");
            if let Some(number) = schema.pointer_mut(&path).and_then(|number| number.as_object_mut()) {
                number.insert("minimum".into(), lowest.into());
                number.insert("maximum".into(), highest.into());
            }
        }
    }
    schema
}

/// Takes all text out of a schema, but leaves properties of that name alone.
fn drop_descriptions(schema: &mut Schema) {
    schemars::transform::transform_subschemas(
        &mut |schema: &mut Schema| {
            schema.remove("description");
            drop_descriptions(schema);
        },
        schema,
    );
}

/// `kubectl explain` breaks lines by itself: of our own line breaks only empty lines are kept.
pub(super) fn join_lines(schema: &mut JSONSchemaProps) {
    if let Some(text) = &mut schema.description {
        let paragraphs: Vec<_> = text.split("\n\n").map(|p| p.replace('\n', " ")).collect();
        *text = paragraphs.join("\n\n");
    }
    schema.properties.iter_mut().flatten().for_each(|(_, property)| join_lines(property));
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        join_lines(items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        join_lines(values);
    }
}

/// A default of `true`.
pub(super) fn yes() -> bool {
    true
}

//! Schemas of what is passed on as Kubernetes has it. Its own descriptions are left out: they would
//! make the CRD larger than a client-side apply may send.

use k8s_openapi::api::{
    core::v1::{
        Affinity, Container, EnvFromSource, EnvVar, HostAlias, PodDNSConfig, PodSecurityContext, Probe,
        SecurityContext, Toleration, TopologySpreadConstraint, Volume, VolumeMount,
    },
    networking::v1::NetworkPolicyEgressRule,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

/// Longest list inside of what is passed on.
const MAX_ITEMS: u32 = 128;

/// `name`s of objects in the pod's namespace.
pub(super) fn references(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 16,
        "items": {
            "type": "object",
            "required": ["name"],
            "properties": {"name": name()},
            "x-kubernetes-map-type": "atomic",
        },
    })
}

/// A container's command or its arguments.
pub(super) fn words(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "maxItems": 256, "items": {"type": "string", "maxLength": 65536}})
}

/// A container's environment; bounded, or the API server could not afford the rules on it.
pub(super) fn environment(generator: &mut SchemaGenerator) -> Schema {
    let mut item = plain::<EnvVar>(generator);
    set(&mut item, "/properties/name", json!({"maxLength": 256}));
    json_schema!({"type": "array", "maxItems": 128, "items": item})
}

/// Environment out of whole ConfigMaps and Secrets.
pub(super) fn environment_sources(generator: &mut SchemaGenerator) -> Schema {
    let mut item = plain::<EnvFromSource>(generator);
    for source in ["configMapRef", "secretRef"] {
        let path = format!("/properties/{source}");
        set(&mut item, &path, json!({"required": ["name"]}));
        set(&mut item, &format!("{path}/properties/name"), name());
    }
    set(&mut item, "/properties/prefix", json!({"maxLength": 256}));
    rules(
        &mut item,
        &[
            (
                "has(self.configMapRef) != has(self.secretRef)",
                "write exactly one of configMapRef and secretRef",
            ),
            (
                "!has(self.prefix) || self.prefix.matches('^([A-Za-z_][A-Za-z0-9_.-]*)?$')",
                "a prefix starts with a letter or _ and goes on with letters, digits, _, - or .",
            ),
        ],
    );
    json_schema!({"type": "array", "maxItems": 64, "items": item})
}

/// How the kubelet asks the service's container how it is.
pub(super) fn probe(generator: &mut SchemaGenerator) -> Schema {
    let mut probe = plain::<Probe>(generator);
    for (field, minimum) in [
        ("initialDelaySeconds", 0),
        ("periodSeconds", 1),
        ("timeoutSeconds", 1),
        ("successThreshold", 1),
        ("failureThreshold", 1),
        ("terminationGracePeriodSeconds", 1),
    ] {
        set(&mut probe, &format!("/properties/{field}"), json!({"minimum": minimum, "maximum": 3600}));
    }
    for action in ["httpGet", "tcpSocket"] {
        set(&mut probe, &format!("/properties/{action}/properties/port"), json!({"maxLength": 15}));
    }
    let port = "write a port's number, or the name of a port of the service's container: service or metrics";
    rules(
        &mut probe,
        &[
            (
                "[has(self.exec), has(self.grpc), has(self.httpGet), has(self.tcpSocket)].filter(x, x).size() == 1",
                "write exactly one of exec, grpc, httpGet and tcpSocket",
            ),
            (
                "!has(self.httpGet) || self.httpGet.port != string(self.httpGet.port) || self.httpGet.port in ['service', 'metrics']",
                port,
            ),
            (
                "!has(self.tcpSocket) || self.tcpSocket.port != string(self.tcpSocket.port) || self.tcpSocket.port in ['service', 'metrics']",
                port,
            ),
        ],
    );
    schema(probe)
}

/// Taints of nodes that the pods put up with.
pub(super) fn tolerations(generator: &mut SchemaGenerator) -> Schema {
    let mut item = plain::<Toleration>(generator);
    set(&mut item, "/properties/operator", json!({"enum": ["Exists", "Equal"]}));
    set(&mut item, "/properties/effect", json!({"enum": ["NoSchedule", "PreferNoSchedule", "NoExecute"]}));
    rules(
        &mut item,
        &[(
            "has(self.key) || (has(self.operator) && self.operator == 'Exists')",
            "write the taint's key, or operator: Exists alone for every taint",
        )],
    );
    json_schema!({"type": "array", "maxItems": 64, "items": item})
}

/// What the service's container may do.
pub(super) fn security_context(generator: &mut SchemaGenerator) -> Schema {
    schema(plain::<SecurityContext>(generator))
}

/// What all containers of the pod may do.
pub(super) fn pod_security_context(generator: &mut SchemaGenerator) -> Schema {
    schema(plain::<PodSecurityContext>(generator))
}

/// Where pods may connect to.
pub(super) fn egress(generator: &mut SchemaGenerator) -> Schema {
    let mut item = plain::<NetworkPolicyEgressRule>(generator);
    set(&mut item, "/properties/ports/items/properties/protocol", json!({"enum": ["TCP", "UDP", "SCTP"]}));
    json_schema!({"type": "array", "maxItems": 64, "items": item})
}

/// Lines of the pods' /etc/hosts.
pub(super) fn host_aliases(generator: &mut SchemaGenerator) -> Schema {
    let mut item = plain::<HostAlias>(generator);
    set(&mut item, "/properties/ip", json!({"minLength": 1, "maxLength": 45}));
    json_schema!({"type": "array", "maxItems": 64, "items": item})
}

/// How the pods look names up.
pub(super) fn dns_config(generator: &mut SchemaGenerator) -> Schema {
    schema(plain::<PodDNSConfig>(generator))
}

/// Nodes and pods to be near to or away from.
pub(super) fn affinity(generator: &mut SchemaGenerator) -> Schema {
    schema(plain::<Affinity>(generator))
}

/// How even the pods stand over nodes, zones and the like.
pub(super) fn topology_spread(generator: &mut SchemaGenerator) -> Schema {
    let mut item = plain::<TopologySpreadConstraint>(generator);
    set(&mut item, "/properties/topologyKey", json!({"minLength": 1, "maxLength": 317}));
    set(&mut item, "/properties/maxSkew", json!({"minimum": 1, "maximum": 1000}));
    set(&mut item, "/properties/minDomains", json!({"minimum": 1, "maximum": 1000}));
    set(&mut item, "/properties/whenUnsatisfiable", json!({"enum": ["DoNotSchedule", "ScheduleAnyway"]}));
    for policy in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
        set(&mut item, &format!("/properties/{policy}"), json!({"enum": ["Honor", "Ignore"]}));
    }
    rules(
        &mut item,
        &[(
            "!has(self.minDomains) || self.whenUnsatisfiable == 'DoNotSchedule'",
            "minDomains takes whenUnsatisfiable: DoNotSchedule: write that, or remove minDomains",
        )],
    );
    json_schema!({"type": "array", "maxItems": 8, "items": item})
}

/// Volumes that a pod of a service may have. Those of one provider, which Kubernetes has given up for
/// CSI, are left out.
pub(super) fn volumes(generator: &mut SchemaGenerator) -> Schema {
    const SOURCES: [&str; 11] = [
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "hostPath",
        "image",
        "nfs",
        "persistentVolumeClaim",
        "projected",
        "secret",
    ];
    let mut item = plain::<Volume>(generator);
    if let Some(fields) = item.pointer_mut("/properties").and_then(Value::as_object_mut) {
        fields.retain(|field, _| field == "name" || SOURCES.contains(&&**field));
    }
    set(&mut item, "/properties/name", label());
    let sources = SOURCES.map(|source| format!("has(self.{source})"));
    rules(
        &mut item,
        &[
            (
                &format!("[{}].filter(x, x).size() == 1", sources.join(", ")),
                "write what the volume is: one of configMap, secret, emptyDir, persistentVolumeClaim, projected, downwardAPI, csi, ephemeral, image, nfs or hostPath",
            ),
            (
                "!(self.name in ['config', 'service-tmp', 'nginx-tmp', 'nginx-tls', 'files']) && !self.name.startsWith('file-')",
                "config, service-tmp, nginx-tmp, nginx-tls, files and names that start with file- are the operator's: choose another name",
            ),
        ],
    );
    json_schema!({"type": "array", "maxItems": 64, "items": item})
}

/// Where volumes stand in the service's container.
pub(super) fn volume_mounts(generator: &mut SchemaGenerator) -> Schema {
    let mut item = plain::<VolumeMount>(generator);
    set(&mut item, "/properties/mountPath", json!({"maxLength": 1024}));
    set(&mut item, "/properties/name", label());
    rules(
        &mut item,
        &[
            (
                "self.mountPath.matches('^/[^:]*$')",
                "write a whole path without colons, such as /var/lib/shop",
            ),
            (
                "!(self.mountPath in ['/', '/etc', '/etc/', '/tmp', '/tmp/']) && !self.mountPath.matches('^/etc/microservice(/.*)?$')",
                TAKEN,
            ),
        ],
    );
    json_schema!({"type": "array", "maxItems": 64, "items": item})
}

/// Where a file stands in the service's container.
pub(super) fn path(_: &mut SchemaGenerator) -> Schema {
    let mut path = json!({"type": "string", "maxLength": 200});
    rules(
        &mut path,
        &[
            (
                "self.matches('^(/[A-Za-z0-9_.-]+)+$') && !self.matches('/[.][.]?(/|$)')",
                "write a whole path of letters, digits, -, _ and ., such as /etc/shop/settings.toml",
            ),
            ("!(self in ['/etc', '/tmp']) && !self.matches('^/etc/microservice(/.*)?$')", TAKEN),
        ],
    );
    schema(path)
}

/// Containers that run before the service.
pub(super) fn init_containers(generator: &mut SchemaGenerator) -> Schema {
    let mut item = container(generator);
    set(&mut item, "/properties/restartPolicy", json!({"enum": ["Always"]}));
    rules(
        &mut item,
        &[(
            "has(self.restartPolicy) || !(has(self.livenessProbe) || has(self.readinessProbe) || has(self.startupProbe) || has(self.lifecycle))",
            "what ends before the service starts has no probes and no lifecycle: remove them, or make it a sidecar",
        )],
    );
    json_schema!({"type": "array", "maxItems": 16, "items": item})
}

/// Containers that run beside the service.
pub(super) fn sidecars(generator: &mut SchemaGenerator) -> Schema {
    let mut item = container(generator);
    if let Some(fields) = item.pointer_mut("/properties").and_then(Value::as_object_mut) {
        fields.remove("restartPolicy");
    }
    json_schema!({"type": "array", "maxItems": 16, "items": item})
}

fn container(generator: &mut SchemaGenerator) -> Value {
    let mut item = plain::<Container>(generator);
    if let Some(fields) = item.pointer_mut("/properties").and_then(Value::as_object_mut) {
        fields.remove("restartPolicyRules");
    }
    set(&mut item, "", json!({"required": ["name", "image"]}));
    set(&mut item, "/properties/name", label());
    rules_of(
        &mut item,
        "/properties/name",
        &[(
            "!(self in ['service', 'nginx', 'statsd-exporter'])",
            "service, nginx and statsd-exporter are the operator's containers: choose another name",
        )],
    );
    set(&mut item, "/properties/image", json!({"minLength": 1, "maxLength": 1024}));
    set(&mut item, "/properties/imagePullPolicy", json!({"enum": ["Always", "IfNotPresent", "Never"]}));
    set(&mut item, "/properties/ports/items/properties/name", json!({"maxLength": 15}));
    rules_of(
        &mut item,
        "/properties/ports/items/properties/name",
        &[(
            "!(self in ['http', 'service', 'metrics'])",
            "http, service and metrics are the operator's ports: choose another name",
        )],
    );
    item
}

/// Paths that the service's container has.
const TAKEN: &str = "/tmp and /etc/microservice are the operator's: choose another path, such as /etc/shop or a folder in /tmp";

/// A DNS label, as containers and volumes have for a name.
fn label() -> Value {
    json!({
        "type": "string",
        "minLength": 1,
        "maxLength": 63,
        "x-kubernetes-validations": [{
            "rule": "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
            "message": "names have at most 63 lower-case letters, digits and -, a letter or digit first and last",
        }],
    })
}

/// The name of an object that the pods refer to.
pub(super) fn object_name(_: &mut SchemaGenerator) -> Schema {
    schema(name())
}

/// A DNS subdomain, as most objects have for a name.
fn name() -> Value {
    json!({
        "type": "string",
        "minLength": 1,
        "maxLength": 253,
        "x-kubernetes-validations": [{
            "rule": "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",
            "message": "write the name of an object: lower-case letters, digits, - and ., a letter or digit first and last",
        }],
    })
}

/// The schema of a type, without descriptions and with every list bounded.
fn plain<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    let mut value = T::json_schema(generator).to_value();
    trim(&mut value);
    value
}

fn trim(value: &mut Value) {
    let Some(object) = value.as_object_mut() else { return };
    object.remove("description");
    if object.get("type").is_some_and(|t| t == "array") {
        object.entry("maxItems").or_insert(MAX_ITEMS.into());
    }
    if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(trim);
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(inner) = object.get_mut(inner) {
            trim(inner);
        }
    }
}

/// Lays `keywords` over the part of a schema that `pointer` leads to.
fn set(schema: &mut Value, pointer: &str, keywords: Value) {
    let part = schema.pointer_mut(pointer).and_then(Value::as_object_mut);
    if let (Some(part), Value::Object(keywords)) = (part, keywords) {
        part.extend(keywords);
    }
}

/// Adds rules with their messages.
fn rules(schema: &mut Value, rules: &[(&str, &str)]) {
    rules_of(schema, "", rules);
}

/// Adds rules to the part of a schema that `pointer` leads to.
fn rules_of(schema: &mut Value, pointer: &str, rules: &[(&str, &str)]) {
    let Some(part) = schema.pointer_mut(pointer) else { return };
    let mut all = part["x-kubernetes-validations"].as_array().cloned().unwrap_or_default();
    all.extend(rules.iter().map(|(rule, message)| json!({"rule": rule, "message": message})));
    part["x-kubernetes-validations"] = all.into();
}

fn schema(value: Value) -> Schema {
    match value {
        Value::Object(object) => object.into(),
        _ => Map::new().into(),
    }
}

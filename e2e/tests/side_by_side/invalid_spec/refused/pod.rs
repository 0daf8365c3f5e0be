//! What is passed on to the pods.

use serde_json::{Value, json};

use super::row::Row;

/// All of them.
pub fn all() -> Vec<Row> {
    [
        container(),
        probes(),
        identity(),
        metadata(),
        scheduling(),
        files(),
        volumes(),
        containers(),
        template(),
    ]
    .concat()
}

/// The service's container.
fn container() -> Vec<Row> {
    let name = "write the name of an object: lower-case letters, digits, - and .";
    vec![
        (json!({ "imagePullSecrets": [{ "name": "My_Secret" }] }), name),
        (json!({ "imagePullSecrets": [{}] }), "spec.imagePullSecrets[0].name: Required value"),
        (
            json!({ "imagePullSecrets": [{ "name": "a" }, { "name": "a" }] }),
            "spec.imagePullSecrets[1]: Duplicate value",
        ),
        (json!({ "command": "run" }), "spec.command in body must be of type array"),
        (json!({ "args": vec!["x"; 257] }), "must have at most 256 items"),
        (json!({ "envFrom": [{}] }), "write exactly one of configMapRef and secretRef"),
        (
            json!({ "envFrom": [{ "configMapRef": { "name": "a" }, "secretRef": { "name": "b" } }] }),
            "write exactly one of configMapRef and secretRef",
        ),
        (json!({ "envFrom": [{ "secretRef": { "name": "-" } }] }), name),
        (
            json!({ "envFrom": [{ "prefix": "1-", "secretRef": { "name": "a" } }] }),
            "a prefix starts with a letter or _",
        ),
    ]
}

/// Probes.
fn probes() -> Vec<Row> {
    let get = json!({ "path": "/live", "port": "service" });
    let one = "write exactly one of exec, grpc, httpGet and tcpSocket";
    vec![
        (json!({ "probes": { "liveness": {} } }), one),
        (json!({ "probes": { "startup": { "httpGet": get, "tcpSocket": { "port": 1 } } } }), one),
        (
            json!({ "probes": { "readiness": { "httpGet": { "port": "http" } } } }),
            "the name of a port of the service's container: service or metrics",
        ),
        (
            json!({ "probes": { "liveness": { "httpGet": get, "successThreshold": 2 } } }),
            "one success is enough for liveness: remove successThreshold",
        ),
        (
            json!({ "probes": { "liveness": { "httpGet": get, "periodSeconds": 0 } } }),
            "spec.probes.liveness.periodSeconds in body should be greater than or equal to 1",
        ),
        (json!({ "probes": { "ready": {} } }), r#"unknown field "spec.probes.ready""#),
    ]
}

/// Accounts and priorities.
fn identity() -> Vec<Row> {
    let name = "write the name of an object: lower-case letters, digits, - and .";
    vec![
        (json!({ "serviceAccount": { "name": "Shop" } }), name),
        (
            json!({ "serviceAccount": { "name": "shop", "annotations": { "a": "b" } } }),
            "annotate the one you name yourself, or remove name",
        ),
        (
            json!({ "serviceAccount": { "annotations": { "microservice.dev/applied": "x" } } }),
            "annotations below microservice.dev/ are the operator's",
        ),
        (json!({ "priorityClassName": "very high" }), name),
    ]
}

/// Labels and annotations.
fn metadata() -> Vec<Row> {
    let ours = "are set for you: use a label with a prefix of your own";
    let label = |name: &str| json!({ "podMetadata": { "labels": { name: "x" } } });
    let annotation = |name: &str| json!({ "podMetadata": { "annotations": { name: "x" } } });
    vec![
        (label("microservice.dev/name"), ours),
        (label("app.kubernetes.io/name"), ours),
        (label("pod-template-hash"), ours),
        (json!({ "podMetadata": { "labels": { "team": "a b" } } }), "label values have at most 63 letters"),
        (annotation("microservice.dev/config"), "annotations below microservice.dev/ are the operator's"),
        (annotation("kubectl.kubernetes.io/restartedAt"), "belongs to `kubectl rollout restart`: remove it"),
    ]
}

/// Where pods go.
fn scheduling() -> Vec<Row> {
    let spread = |key: &str, value: Value| {
        let mut constraint =
            json!({ "topologyKey": "rack", "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway" });
        constraint[key] = value;
        json!({ "topologySpread": [constraint] })
    };
    vec![
        (json!({ "nodeSelector": { "disk": "a b" } }), "label values have at most 63 letters"),
        (json!({ "tolerations": [{ "effect": "NoRun" }] }), r#"supported values: "NoSchedule""#),
        (
            json!({ "tolerations": [{ "effect": "NoSchedule" }] }),
            "write the taint's key, or operator: Exists alone",
        ),
        (json!({ "affinity": { "nodeAfinity": {} } }), r#"unknown field "spec.affinity.nodeAfinity""#),
        (spread("maxSkew", json!(0)), "maxSkew in body should be greater than or equal to 1"),
        (
            spread("whenUnsatisfiable", json!("Never")),
            r#"supported values: "DoNotSchedule", "ScheduleAnyway""#,
        ),
        (spread("minDomains", json!(2)), "minDomains takes whenUnsatisfiable: DoNotSchedule"),
    ]
}

/// Files.
fn files() -> Vec<Row> {
    let file = |path: &str| json!({ "files": [{ "path": path, "content": "" }] });
    let whole = "write a whole path of letters, digits, -, _ and .";
    let taken = "/tmp and /etc/microservice are the operator's: choose another path";
    vec![
        (file("settings.toml"), whole),
        (file("/etc/shop/"), whole),
        (file("/etc/../root"), whole),
        (file("/"), whole),
        (file("/tmp"), taken),
        (file("/etc"), taken),
        (file("/etc/microservice/service.yaml"), taken),
        (json!({ "files": [{ "path": "/a" }] }), "write exactly one of content, configMap and secret"),
        (
            json!({ "files": [{ "path": "/a", "content": "", "secret": { "name": "b" } }] }),
            "write exactly one of content, configMap and secret",
        ),
        (
            json!({ "files": [{ "path": "/a", "secret": { "name": "b", "key": "a/b" } }] }),
            "write one that the object has, such as tls.crt",
        ),
        (
            json!({ "files": [{ "path": "/a", "content": "" }, { "path": "/a", "content": "" }] }),
            "spec.files[1]: Duplicate value",
        ),
        (json!({ "files": [{ "path": "/a", "content": "x".repeat(262_145) }] }), "Too long"),
    ]
}

/// Volumes and their mounts.
fn volumes() -> Vec<Row> {
    let volume = |name: &str| json!({ "volumes": [{ "name": name, "emptyDir": {} }] });
    let mount = |path: &str| json!({ "volumeMounts": [{ "name": "a", "mountPath": path }] });
    let ours = "are the operator's: choose another name";
    let taken = "/tmp and /etc/microservice are the operator's: choose another path";
    vec![
        (volume("config"), ours),
        (volume("files"), ours),
        (volume("file-1"), ours),
        (volume("My.Volume"), "names have at most 63 lower-case letters, digits and -"),
        (json!({ "volumes": [{ "name": "a" }] }), "write what the volume is: one of configMap, secret"),
        (
            json!({ "volumes": [{ "name": "a", "emptyDir": {}, "hostPath": { "path": "/" } }] }),
            "write what the volume is: one of configMap, secret",
        ),
        (mount("var"), "write a whole path without colons, such as /var/lib/shop"),
        (mount("/a:b"), "write a whole path without colons, such as /var/lib/shop"),
        (mount("/tmp/"), taken),
        (mount("/"), taken),
        (mount("/etc/microservice"), taken),
    ]
}

/// Sidecars and init containers.
fn containers() -> Vec<Row> {
    let sidecar = |key: &str, value: Value| {
        let mut sidecar = json!({ "name": "a", "image": "i" });
        sidecar[key] = value;
        json!({ "sidecars": [sidecar] })
    };
    vec![
        (
            sidecar("name", json!("service")),
            "service, nginx and statsd-exporter are the operator's containers: choose another name",
        ),
        (
            sidecar("name", json!("nginx")),
            "service, nginx and statsd-exporter are the operator's containers: choose another name",
        ),
        (sidecar("name", json!("A")), "names have at most 63 lower-case letters, digits and -"),
        (sidecar("image", json!("")), "spec.sidecars[0].image in body should be at least 1 chars long"),
        (sidecar("restartPolicy", json!("Always")), r#"unknown field "spec.sidecars[0].restartPolicy""#),
        (
            sidecar("ports", json!([{ "name": "metrics", "containerPort": 1 }])),
            "http, service and metrics are the operator's ports: choose another name",
        ),
        (json!({ "sidecars": [{ "name": "a" }] }), "spec.sidecars[0].image: Required value"),
        (
            json!({ "initContainers": [{ "name": "a", "image": "i", "livenessProbe": { "tcpSocket": { "port": 1 } } }] }),
            "remove them, or make it a sidecar",
        ),
        (
            json!({ "initContainers": [{ "name": "a", "image": "i", "restartPolicy": "Never" }] }),
            r#"supported values: "Always""#,
        ),
    ]
}

/// Patches of the pod template.
fn template() -> Vec<Row> {
    vec![
        (json!({ "podTemplate": { "hostAliases": [] } }), r#"unknown field "spec.podTemplate.hostAliases""#),
        (json!({ "podTemplate": { "spec": [] } }), "spec.podTemplate.spec in body must be of type object"),
    ]
}

//! Specs that must be refused, and what must stand in the answer.

// The path, as another test includes this file.
#[path = "refused/pod.rs"]
mod pod;

use serde_json::{Value, json};

/// A spec, and a part of the answer to it.
pub type Row = (Value, &'static str);

/// All of them.
pub fn all() -> Vec<Row> {
    [
        numbers(),
        words(),
        durations(),
        labels(),
        environment(),
        quantities(),
        scaling(),
        rollout(),
        slips(),
        pod::all(),
    ]
    .concat()
}

/// Numbers and their bounds.
fn numbers() -> Vec<Row> {
    vec![
        (json!({ "concurrency": 0 }), "spec.concurrency in body should be greater than or equal to 1"),
        (json!({ "concurrency": 1025 }), "spec.concurrency in body should be less than or equal to 1024"),
        (json!({ "concurrency": "four" }), "spec.concurrency in body must be of type integer"),
        (json!({ "concurrency": 1.5 }), "spec.concurrency in body must be of type integer"),
        (
            json!({ "requestsPerWorker": 0 }),
            "spec.requestsPerWorker in body should be greater than or equal to 1",
        ),
        (
            json!({ "requestsPerWorker": 1025 }),
            "spec.requestsPerWorker in body should be less than or equal to 1024",
        ),
        (json!({ "replicas": -1 }), "spec.replicas in body should be greater than or equal to 0"),
        (json!({ "replicas": 1001 }), "spec.replicas in body should be less than or equal to 1000"),
        (json!({ "port": 80 }), "spec.port in body should be greater than or equal to 1024"),
        (json!({ "port": 65536 }), "spec.port in body should be less than or equal to 65535"),
        (json!({ "adminPort": 0 }), "spec.adminPort in body should be greater than or equal to 1024"),
        (
            json!({ "port": 9090 }),
            "port and adminPort are the same: give adminPort a port of its own, such as 9090",
        ),
        (json!({ "port": 8081 }), "8081 is the proxy's own port: choose another port and adminPort"),
        (json!({ "adminPort": 8081 }), "8081 is the proxy's own port: choose another port and adminPort"),
    ]
}

/// Words out of a list, and images.
fn words() -> Vec<Row> {
    vec![
        (json!({ "profile": "web" }), r#"supported values: "all", "message", "fibonacci""#),
        (json!({ "imagePullPolicy": "Sometimes" }), r#"supported values: "Always", "IfNotPresent", "Never""#),
        (json!({ "image": "" }), "spec.image in body should be at least 1 chars long"),
        (
            json!({ "image": "team/app: 1" }),
            "write an image reference without spaces, such as registry.example.com/team/app:1.2.3",
        ),
        (json!({ "image": "x".repeat(1025) }), "Too long: may not be more than 1024 bytes"),
        (
            json!({ "proxy": { "image": "nginx\n" } }),
            "write an image reference without spaces, such as nginxinc/nginx-unprivileged:1.30",
        ),
    ]
}

/// Durations and sizes.
fn durations() -> Vec<Row> {
    vec![
        (
            json!({ "proxy": { "timeout": "60" } }),
            "write a duration from 1s to 1h with a unit, such as 60s or 2m",
        ),
        (json!({ "proxy": { "timeout": "soon" } }), "write a duration from 1s to 1h with a unit"),
        (json!({ "proxy": { "timeout": "-5s" } }), "write a duration from 1s to 1h with a unit"),
        (json!({ "proxy": { "timeout": "500ms" } }), "write a duration from 1s to 1h with a unit"),
        (json!({ "proxy": { "timeout": "2h" } }), "write a duration from 1s to 1h with a unit"),
        (json!({ "proxy": { "timeout": 60 } }), "spec.proxy.timeout in body must be of type string"),
        (
            json!({ "proxy": { "maxBodySize": "1MB" } }),
            "write a size in bytes, with Ki, Mi or Gi for multiples of 1024",
        ),
        (
            json!({ "proxy": { "maxBodySize": "0" } }),
            "write a size in bytes, with Ki, Mi or Gi for multiples of 1024",
        ),
        (
            json!({ "proxy": { "maxBodySize": "1.5Mi" } }),
            "write a size in bytes, with Ki, Mi or Gi for multiples of 1024",
        ),
        (json!({ "proxy": { "enabled": "no" } }), "spec.proxy.enabled in body must be of type boolean"),
        (json!({ "monitoring": { "interval": "30" } }), "write a duration with a unit, such as 15s or 1m"),
        (json!({ "monitoring": { "interval": "0s" } }), "write a duration with a unit, such as 15s or 1m"),
        (json!({ "monitoring": { "interval": "often" } }), "write a duration with a unit, such as 15s or 1m"),
    ]
}

/// Labels of the ServiceMonitor.
fn labels() -> Vec<Row> {
    let many_labels: Value =
        (0..33).map(|i| (format!("l{i}"), json!("x"))).collect::<serde_json::Map<_, _>>().into();
    vec![
        (
            json!({ "monitoring": { "labels": { "team": "a b" } } }),
            "label values have at most 63 letters, digits, -, _ or .",
        ),
        (
            json!({ "monitoring": { "labels": { "team": "x".repeat(64) } } }),
            "Too long: may not be more than 63 bytes",
        ),
        (
            json!({ "monitoring": { "labels": { "microservice.dev/name": "x" } } }),
            "are the operator's: use a prefix of your own",
        ),
        (json!({ "monitoring": { "labels": many_labels } }), "must have at most 32 items"),
    ]
}

/// Environment.
fn environment() -> Vec<Row> {
    let many_variables: Vec<_> = (0..129).map(|i| json!({ "name": format!("V{i}") })).collect();
    vec![
        (env("WEB_CONCURRENCY"), "the number of workers is set by spec.concurrency"),
        (env("PYMICRO_CONCURRENCY"), "the number of workers is set by spec.concurrency"),
        (env("PYMICRO_GEVENT"), "requests per worker are set by spec.requestsPerWorker"),
        (env("PORT"), "the ports are set by spec.port and spec.adminPort"),
        (env("CHASSIS_CONFIG"), "the configuration file is made from spec.config"),
        (env("1ST"), "names in env start with a letter or _"),
        (json!({ "env": [{ "value": "1" }] }), "spec.env[0].name: Required value"),
        (json!({ "env": "A=1" }), "spec.env in body must be of type array"),
        (json!({ "env": [{ "name": "A" }, { "name": "A" }] }), "spec.env[1]: Duplicate value"),
        (json!({ "env": many_variables }), "must have at most 128 items"),
    ]
}

/// Quantities and free objects.
fn quantities() -> Vec<Row> {
    vec![
        (
            json!({ "resources": { "requests": { "cpu": "lots" } } }),
            "write quantities that are not negative, such as cpu: 100m or memory: 64Mi",
        ),
        (
            json!({ "resources": { "limits": { "memory": "-1Mi" } } }),
            "write quantities that are not negative, such as cpu: 500m or memory: 128Mi",
        ),
        (
            json!({ "proxy": { "resources": { "requests": { "cpu": true } } } }),
            "spec.proxy.resources.requests.cpu",
        ),
        (json!({ "config": ["a"] }), "spec.config in body must be of type object"),
    ]
}

/// Autoscaling and disruptions.
fn scaling() -> Vec<Row> {
    let metric = |target: Value| json!({ "autoscaling": { "maxReplicas": 3, "metrics": [{ "type": "Pods", "pods": { "metric": { "name": "m" }, "target": target } }] } });
    vec![
        (json!({ "autoscaling": {} }), "spec.autoscaling.maxReplicas: Required value"),
        (
            json!({ "autoscaling": { "minReplicas": 0, "maxReplicas": 3 } }),
            "spec.autoscaling.minReplicas in body should be greater than or equal to 1",
        ),
        (
            json!({ "autoscaling": { "minReplicas": 4, "maxReplicas": 3 } }),
            "minReplicas is above maxReplicas: raise maxReplicas or lower minReplicas",
        ),
        (
            json!({ "autoscaling": { "maxReplicas": 3 }, "resources": { "requests": { "memory": "1Gi" } } }),
            "add cpu to resources.requests, such as cpu: 100m",
        ),
        (
            json!({ "autoscaling": { "maxReplicas": 3, "memory": 80 }, "resources": { "limits": { "cpu": 1 } } }),
            "add memory to resources.requests, such as memory: 64Mi",
        ),
        (metric(json!({ "averageValue": 1 })), "target.type: Required value"),
        (
            json!({ "autoscaling": { "maxReplicas": 3, "behavior": { "scaleDown": { "stabilizationWindowSeconds": 3601 } } } }),
            "stabilizationWindowSeconds in body should be less than or equal to 3600",
        ),
        (
            json!({ "disruption": { "maxUnavailable": 1, "minAvailable": 1 } }),
            "maxUnavailable and minAvailable exclude each other: remove one of them",
        ),
        (json!({ "disruption": { "maxUnavailable": "half" } }), "write a number from 0 to 1000, or a share"),
        (json!({ "disruption": { "minAvailable": -1 } }), "write a number from 0 to 1000, or a share"),
        (json!({ "disruption": { "minAvailable": "101%" } }), "write a number from 0 to 1000, or a share"),
    ]
}

/// Rollouts.
fn rollout() -> Vec<Row> {
    vec![
        (
            json!({ "rollout": { "maxSurge": 0 } }),
            "maxSurge and maxUnavailable are both 0, so that no pod could be replaced: set maxSurge to 1 or more",
        ),
        (json!({ "rollout": { "maxSurge": "0%", "maxUnavailable": "0%" } }), "set maxSurge to 1 or more"),
        (json!({ "rollout": { "maxSurge": "25" } }), "write a number from 0 to 1000, or a share"),
        (
            json!({ "rollout": { "progressDeadline": "300" } }),
            "write a duration from 1s to 24h with a unit, such as 300s or 5m",
        ),
        (
            json!({ "rollout": { "progressDeadline": "60s", "minReadySeconds": 60 } }),
            "progressDeadline must be longer than minReadySeconds",
        ),
        (
            json!({ "rollout": { "revisionHistory": 101 } }),
            "spec.rollout.revisionHistory in body should be less than or equal to 100",
        ),
        (
            json!({ "rollout": { "drain": 601 } }),
            "spec.rollout.drain in body should be less than or equal to 600",
        ),
    ]
}

/// Slips of the pen.
fn slips() -> Vec<Row> {
    vec![
        (json!({ "concurency": 4 }), r#"unknown field "spec.concurency""#),
        (json!({ "proxy": { "timeouts": "60s" } }), r#"unknown field "spec.proxy.timeouts""#),
        (json!({ "monitoring": { "intervall": "30s" } }), r#"unknown field "spec.monitoring.intervall""#),
        (json!({ "resources": { "request": {} } }), r#"unknown field "spec.resources.request""#),
        (Value::Null, "spec: Required value"),
    ]
}

fn env(name: &str) -> Value {
    json!({ "env": [{ "name": name, "value": "1" }] })
}

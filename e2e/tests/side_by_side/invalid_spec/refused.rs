//! Specs that must be refused, and what must stand in the answer.

mod pod;
mod row;

use serde_json::{Value, json};

pub use self::row::Row;

/// All of them.
pub fn all() -> Vec<Row> {
    [
        numbers(),
        words(),
        durations(),
        labels(),
        monitoring(),
        environment(),
        quantities(),
        scaling(),
        rollout(),
        exposure(),
        proxy(),
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
        (
            json!({ "profile": "web" }),
            r#"supported values: "all", "message", "fibonacci", "catalog", "directory", "users", "regions", "roles", "quickstart""#,
        ),
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
            "are the operator's: use another label",
        ),
        (
            json!({ "commonMetadata": { "labels": { "app.kubernetes.io/name": "x" } } }),
            "use a label with a prefix of your own",
        ),
        (json!({ "egress": [] }), "set networkPolicy to open or restricted, or remove egress"),
        (json!({ "terminationGracePeriodSeconds": 12 }), "write at least rollout.drain and 10 more"),
        (json!({ "dnsPolicy": "None" }), "write some in dnsConfig.nameservers"),
        (json!({ "monitoring": { "labels": many_labels } }), "must have at most 32 items"),
    ]
}

/// The rest of monitoring.
fn monitoring() -> Vec<Row> {
    let of = |monitoring: Value| json!({ "monitoring": monitoring });
    vec![
        (of(json!({ "scrapeTimeout": "5" })), "write a duration with a unit, such as 5s"),
        (of(json!({ "scrapeTimeout": "31s" })), "scrapeTimeout is longer than interval"),
        (of(json!({ "interval": "5s", "scrapeTimeout": "1m" })), "scrapeTimeout is longer than interval"),
        (of(json!({ "path": "/" })), "write a path of letters, digits, -, ., _, ~ and /, such as /metrics"),
        (of(json!({ "path": "/-/readyz" })), "write a path of letters, digits"),
        (of(json!({ "port": "http" })), "nginx hides the metrics: write service for the service's own port"),
        (of(json!({ "port": 0 })), "write a number from 1 to 65535, or the name of a container's port"),
        (of(json!({ "sampleLimit": 0 })), "sampleLimit in body should be greater than or equal to 1"),
        (
            of(json!({ "sampleLimit": 10_000_001 })),
            "sampleLimit in body should be less than or equal to 10000000",
        ),
        (
            of(json!({ "relabelings": [{ "action": "remove" }] })),
            r#"supported values: "replace", "keep", "drop""#,
        ),
        (
            of(json!({ "relabelings": [{ "sourceLabels": ["a-b"] }] })),
            "should match '^[a-zA-Z_][a-zA-Z0-9_]*$'",
        ),
        (of(json!({ "metricRelabelings": vec![json!({}); 33] })), "must have at most 32 items"),
        (of(json!({ "metricRelabelings": [{ "modulus": 0 }] })), "should be greater than or equal to 1"),
        (of(json!({ "rules": { "errorPercent": 0 } })), "should be greater than or equal to 1"),
        (of(json!({ "rules": { "latency": "2h" } })), "write a duration up to 1h with a unit"),
        (
            of(json!({ "rules": { "own": [{ "expr": "up" }] } })),
            "write either alert, for an alert, or record",
        ),
        (of(json!({ "rules": { "own": [{ "alert": "A" }] } })), "expr: Required value"),
        (
            of(json!({ "rules": { "own": [{ "record": "a", "expr": "up", "for": "1m" }] } })),
            "for belongs to an alert: remove it from the recording rule",
        ),
        (of(json!({ "rules": { "own": [{ "alert": "A", "expr": "up", "for": "soon" }] } })), "such as 5m"),
        (of(json!({ "dashboard": { "labels": { "microservice.dev/a": "b" } } })), "use another label"),
        (of(json!({ "statsd": { "image": "a b" } })), "write an image reference without spaces"),
        (
            json!({ "monitoring": { "statsd": {} }, "port": 9102 }),
            "9102 is the StatsD exporter's own port: choose another port and adminPort",
        ),
        (
            json!({ "monitoring": { "statsd": {} }, "env": [{ "name": "PYMICRO_STATSD", "value": "http://a" }] }),
            "where metrics are pushed to is set by monitoring.statsd",
        ),
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
            json!({ "resourcesPerWorker": { "requests": { "cpu": "25 m" } } }),
            "write quantities that are not negative, such as cpu: 100m or memory: 64Mi",
        ),
        (
            json!({ "resourcesPerWorker": { "limits": { "memory": "-1Mi" } } }),
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
        (
            json!({ "autoscaling": { "maxReplicas": 3 }, "resources": {}, "resourcesPerWorker": { "requests": { "memory": "1Gi" } } }),
            "add cpu to resources.requests, such as cpu: 100m",
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
        (
            json!({ "rollout": { "strategy": "BlueGreen" } }),
            r#"supported values: "RollingUpdate", "Recreate""#,
        ),
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

/// What leads to the service.
fn exposure() -> Vec<Row> {
    let ingress = |ingress: Value| json!({ "expose": { "ingress": ingress } });
    let route = |route: Value| json!({ "expose": { "httpRoute": route } });
    let port = |port: Value| json!({ "expose": { "service": { "ports": [port] } } });
    vec![
        (json!({ "networkPolicy": "closed" }), r#"write "off" (with its quotes), open or restricted"#),
        // As unquoted `off` is read in YAML.
        (json!({ "networkPolicy": false }), "spec.networkPolicy in body must be of type string"),
        (ingress(json!({ "host": "Shop" })), "write a host name in lower case, without scheme and port"),
        (ingress(json!({ "host": "http://a" })), "write a host name in lower case, without scheme and port"),
        (ingress(json!({ "path": "shop" })), "write a path that starts with /"),
        (ingress(json!({ "path": "/a//b" })), "write a path that starts with / and has no //"),
        (ingress(json!({ "path": "/a/../b" })), "write a path that starts with / and has no //"),
        (
            ingress(json!({ "tls": { "secretName": "a" } })),
            "a certificate is for a host: set expose.ingress.host",
        ),
        (ingress(json!({ "host": "a", "tls": {} })), "write secretName for a certificate that you have"),
        (
            ingress(json!({ "host": "a", "tls": { "issuer": "a", "clusterIssuer": "b" } })),
            "write either issuer or clusterIssuer",
        ),
        (
            ingress(json!({ "annotations": { "microservice.dev/applied": "x" } })),
            "annotations below microservice.dev/ are the operator's",
        ),
        (route(json!({})), "spec.expose.httpRoute.parentRefs: Required value"),
        (route(json!({ "parentRefs": [] })), "should have at least 1 items"),
        (route(json!({ "parentRefs": [{}] })), "parentRefs[0].name: Required value"),
        (
            route(json!({ "parentRefs": [{ "name": "a" }], "hostnames": ["a b"] })),
            "write a host name in lower case",
        ),
        (json!({ "expose": { "service": { "type": "ExternalName" } } }), r#"supported values: "ClusterIP""#),
        (
            json!({ "expose": { "service": { "externalTrafficPolicy": "Local" } } }),
            "set type to NodePort or LoadBalancer, or remove it",
        ),
        (
            json!({ "expose": { "service": { "type": "NodePort", "loadBalancerClass": "a/b" } } }),
            "there is no load balancer: set type to LoadBalancer, or remove loadBalancerClass",
        ),
        (port(json!({ "name": "https", "port": 1 })), "are the operator's: choose others"),
        (port(json!({ "name": "a", "port": 80 })), "are the operator's: choose others"),
        (port(json!({ "name": "A", "port": 1 })), "write lower-case letters, digits and -"),
        (
            port(json!({ "name": "a", "port": 1, "targetPort": 0 })),
            "write a number from 1 to 65535, or the name",
        ),
        (
            port(json!({ "name": "a", "port": 1, "targetPort": "8080" })),
            "write a number from 1 to 65535, or the name",
        ),
        (
            port(json!({ "name": "a", "port": 1, "targetPort": "a--b" })),
            "write a number from 1 to 65535, or the name",
        ),
        (
            json!({ "expose": { "service": { "ports": [{ "name": "a", "port": 1 }, { "name": "b", "port": 1 }] } } }),
            "each port of the Service stands once",
        ),
    ]
}

/// What nginx does besides.
fn proxy() -> Vec<Row> {
    let proxy = |proxy: Value| json!({ "proxy": proxy });
    vec![
        (proxy(json!({ "upstreamIdleTimeout": "3" })), "write a duration up to 1h with a unit"),
        (proxy(json!({ "upstreamIdleTimeout": "2h" })), "write a duration up to 1h with a unit"),
        (proxy(json!({ "rateLimit": {} })), "spec.proxy.rateLimit.requestsPerSecond: Required value"),
        (proxy(json!({ "rateLimit": { "requestsPerSecond": 0 } })), "should be greater than or equal to 1"),
        (proxy(json!({ "trustedProxies": ["10.0.0.0/33"] })), "write an address or a network"),
        (proxy(json!({ "trustedProxies": ["proxy"] })), "write an address or a network"),
        (proxy(json!({ "trustedProxies": ["::1", "::1"] })), "Duplicate value"),
        (proxy(json!({ "tls": {} })), "spec.proxy.tls.secretName: Required value"),
        (
            proxy(json!({ "enabled": false, "tls": { "secretName": "a" } })),
            "HTTPS is nginx's: set proxy.enabled to true, or remove proxy.tls",
        ),
        (
            json!({ "port": 8443, "proxy": { "tls": { "secretName": "a" } } }),
            "8443 is the proxy's own port for HTTPS",
        ),
        (proxy(json!({ "extraConfig": { "http": "#".repeat(16385) } })), "may not be more than 16384 bytes"),
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

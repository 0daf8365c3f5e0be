//! Specs at the edge of the allowed.

use serde_json::{Value, json};

/// All of them.
pub fn all() -> Vec<Value> {
    vec![
        json!({}),
        json!({ "concurrency": 1, "requestsPerWorker": 1, "replicas": 0 }),
        json!({ "concurrency": 1024, "requestsPerWorker": 1024, "replicas": 1000 }),
        // As if it were left out.
        json!({ "concurrency": null, "proxy": null }),
        json!({ "port": 1024, "adminPort": 65535 }),
        json!({ "port": 8081, "proxy": { "enabled": false } }),
        json!({ "profile": "all" }),
        json!({ "profile": "fibonacci" }),
        json!({ "image": "localhost:5000/a/b@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" }),
        json!({ "proxy": { "timeout": "1s" } }),
        json!({ "proxy": { "timeout": "1h" } }),
        json!({ "proxy": { "timeout": "1m30s", "maxBodySize": "1" } }),
        json!({ "proxy": { "maxBodySize": "1Gi" } }),
        json!({ "monitoring": { "interval": "500ms", "labels": { "release": "", "example.com/team": "A_1.b-2" } } }),
        json!({ "monitoring": { "interval": "1m", "scrapeTimeout": "60s", "sampleLimit": 1 } }),
        json!({ "monitoring": { "relabelings": [{}, { "action": "hashmod", "sourceLabels": ["a"], "targetLabel": "b", "modulus": 2 }] } }),
        json!({ "monitoring": { "rules": {}, "dashboard": {}, "statsd": {} } }),
        json!({ "monitoring": { "rules": { "own": [{ "record": "a:b", "expr": "up" }, { "alert": "A", "expr": "up", "for": "1d" }] } } }),
        json!({ "port": 9102, "env": [{ "name": "PYMICRO_STATSD", "value": "http://a" }] }),
        json!({ "env": [{ "name": "_A.b-1" }, { "name": "B", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } }] }),
        json!({ "resources": { "requests": { "cpu": 1, "memory": "0.5Gi" }, "limits": { "cpu": "1500m", "example.com/gpu": 1 } } }),
        json!({ "autoscaling": { "minReplicas": 1000, "maxReplicas": 1000 } }),
        json!({ "autoscaling": { "maxReplicas": 3, "memory": 90 }, "resources": { "limits": { "memory": "1Gi" } } }),
        json!({ "autoscaling": { "maxReplicas": 3, "metrics": [
            { "type": "External", "external": { "metric": { "name": "q", "selector": { "matchLabels": { "a": "b" } } }, "target": { "type": "Value", "value": "0.5" } } },
            { "type": "Pods", "pods": { "metric": { "name": "m" }, "target": { "type": "AverageValue", "averageValue": 3 } } },
        ] } }),
        json!({ "disruption": { "maxUnavailable": "0%" } }),
        json!({ "disruption": { "minAvailable": "100%" } }),
        json!({ "rollout": { "maxSurge": 0, "maxUnavailable": "1%", "minReadySeconds": 3600, "progressDeadline": "24h", "revisionHistory": 0, "drain": 0 } }),
        json!({ "networkPolicy": "off" }),
        json!({ "networkPolicy": "restricted", "proxy": { "tls": { "secretName": "t" } } }),
        json!({ "port": 8443 }),
        json!({ "expose": { "ingress": {} } }),
        json!({ "expose": { "ingress": { "host": "*.example.com", "path": "/a/%20b", "tls": { "issuer": "i" } } } }),
        json!({ "expose": { "httpRoute": { "parentRefs": [{ "name": "a", "port": 443 }], "hostnames": ["x"] } } }),
        json!({ "expose": { "service": { "type": "LoadBalancer", "ports": [{ "name": "a", "port": 1, "targetPort": 65535 }, { "name": "b", "port": 2, "targetPort": "x" }] } } }),
        json!({ "proxy": { "gzip": true, "rateLimit": { "requestsPerSecond": 1, "burst": 0 }, "trustedProxies": ["::1", "fd00::/8", "0.0.0.0/0"] } }),
        json!({ "proxy": { "extraConfig": { "server": "# checked by the operator" } } }),
        json!({ "config": { "anything": { "at": ["all", 1, null, { "deep": true }] } } }),
    ]
}

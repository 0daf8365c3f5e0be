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
        json!({ "config": { "anything": { "at": ["all", 1, null, { "deep": true }] } } }),
        json!({ "imagePullSecrets": [{ "name": "a.b-1" }], "command": [], "args": ["", "-v"] }),
        json!({ "envFrom": [{ "prefix": "", "secretRef": { "name": "a", "optional": true } }] }),
        json!({ "probes": { "readiness": { "httpGet": { "port": 8081 }, "successThreshold": 3 } } }),
        json!({ "probes": { "liveness": { "exec": { "command": ["true"] } }, "startup": { "grpc": { "port": 1 } } } }),
        json!({ "serviceAccount": { "annotations": { "eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/a" } } }),
        json!({ "serviceAccount": { "name": "shop", "automountToken": true }, "priorityClassName": "high" }),
        json!({ "podMetadata": { "labels": { "app.kubernetes.io/version": "1" }, "annotations": { "a/b": "c d" } } }),
        json!({ "nodeSelector": { "a/b": "" }, "tolerations": [{ "operator": "Exists" }, { "key": "a" }] }),
        json!({ "affinity": { "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [{ "topologyKey": "a" }] } } }),
        json!({ "topologySpread": [] }),
        json!({ "topologySpread": [{ "topologyKey": "a", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", "minDomains": 2 }] }),
        json!({ "files": [{ "path": "/a", "content": "" }, { "path": "/etc/a_b/.c-d", "secret": { "name": "a", "key": "tls.crt" } }] }),
        json!({ "files": [{ "path": "/tmp/a", "configMap": { "name": "a" } }] }),
        json!({ "volumes": [{ "name": "a", "emptyDir": { "sizeLimit": "1Gi" } }, { "name": "b", "projected": { "sources": [] } }] }),
        json!({ "volumeMounts": [{ "name": "a", "mountPath": "/etc/microservices" }, { "name": "a", "mountPath": "/tmp/a" }] }),
        json!({ "sidecars": [{ "name": "a", "image": "i", "resources": { "limits": { "cpu": 1, "memory": "1Gi" } } }] }),
        json!({ "initContainers": [{ "name": "a", "image": "i", "restartPolicy": "Always", "startupProbe": { "tcpSocket": { "port": "a" } } }] }),
        json!({ "podTemplate": { "metadata": { "labels": { "a": null } }, "spec": { "containers": [{ "name": "service", "$patch": "delete" }] } } }),
    ]
}

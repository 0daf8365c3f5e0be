//! The committed CRD is the one the code generates.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{fs, path::Path};

#[test]
fn the_committed_crd_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crds/microservices.microservice.dev.yaml");
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let generated = serde_yaml::to_string(&operator_core::api::crd()).unwrap();
    assert!(committed == generated, "crds/ is stale: run `make generate` and commit what it writes");
}

/// Passed on as Kubernetes has it: explained there.
const PASSED_ON: [&str; 9] = [
    "spec.affinity",
    "spec.dnsConfig",
    "spec.podSecurityContext",
    "spec.podTemplate.metadata",
    "spec.podTemplate.spec",
    "spec.probes.liveness",
    "spec.probes.readiness",
    "spec.probes.startup",
    "spec.securityContext",
];

#[test]
fn every_field_is_explained() {
    let crd = serde_json::to_value(operator_core::api::crd()).unwrap();
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    let mut silent = Vec::new();
    explained(schema, "spec", &mut silent);
    assert!(silent.is_empty(), "no doc comment: {silent:?}");
}

fn explained(schema: &serde_json::Value, path: &str, silent: &mut Vec<String>) {
    if schema.get("description").is_none() && !PASSED_ON.contains(&path) {
        silent.push(path.into());
    }
    if PASSED_ON.contains(&path) {
        return;
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        explained(property, &format!("{path}.{name}"), silent);
    }
}

#[test]
fn every_number_has_bounds() {
    let crd = serde_json::to_value(operator_core::api::crd()).unwrap();
    let spec = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"];
    for (name, field) in spec.as_object().unwrap() {
        if field["type"] == "integer" {
            assert!(field["minimum"].is_number() && field["maximum"].is_number(), "{name} has no bounds");
        }
    }
}

#[test]
fn the_crd_can_be_applied_from_the_client_side() {
    // An annotation, into which `kubectl apply` writes the whole object.
    const LIMIT: usize = 256 << 10;
    let size = serde_json::to_string(&operator_core::api::crd()).unwrap().len();
    assert!(size < LIMIT / 2, "{size} bytes: half of what {LIMIT} allow is for what is yet to come");
}

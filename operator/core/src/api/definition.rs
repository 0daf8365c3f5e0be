use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

use super::{schema, spec::Microservice};

/// API group of everything this operator owns.
pub const GROUP: &str = "microservice.dev";

/// The definition that `make generate` writes to `crds/`.
pub fn crd() -> CustomResourceDefinition {
    let mut crd = Microservice::crd();
    for version in &mut crd.spec.versions {
        if let Some(schema) = version.schema.as_mut().and_then(|s| s.open_api_v3_schema.as_mut()) {
            schema::join_lines(schema);
        }
    }
    crd
}

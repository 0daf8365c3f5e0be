//! The `Microservice` resource: what a team writes, and what we answer in its status.
//!
//! The CRD in `crds/` is generated from these types (`make generate`); their doc comments are what
//! `kubectl explain` shows. Rules that the API server checks stand beside the fields; rules that
//! need more than the one object stand in [`crate::controller::validate`].

mod autoscaling;
mod disruption;
mod duration;
mod image;
mod monitoring;
mod proxy;
mod resources;
mod rollout;
mod schema;
mod spec;
mod status;

pub use autoscaling::Autoscaling;
pub use disruption::Disruption;
pub use duration::parse_duration;
pub use image::split_image;
pub use monitoring::Monitoring;
pub use proxy::{PROXY_PORT, Proxy};
pub use resources::Resources;
pub use rollout::{OnFailure, Rollout};
pub use spec::{
    ConcurrencyChange, Config, Microservice, MicroserviceSpec, Profile, PullPolicy, ReferenceChange,
    UpgradePolicy,
};
pub use status::{
    Capacity, ConditionType, InventoryItem, LastRollout, MicroserviceStatus, Problem, Reason, RolloutReason,
    Severity, condition,
};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

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

/// A default of `true`.
fn yes() -> bool {
    true
}

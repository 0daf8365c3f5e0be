//! Pure: from a valid spec to the objects it becomes. No clock, no cluster, no error.

mod config_map;
mod container;
mod deployment;
pub mod meta;
mod nginx;
mod service;
mod service_account;
mod service_monitor;

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Service, ServiceAccount},
};

pub use service_monitor::{ServiceMonitor, ServiceMonitorSpec};

use crate::controller::validate::Validated;

/// What one Microservice becomes. One field per child kind: whoever takes it apart must name each,
/// so that none is forgotten when a kind is added.
#[derive(Clone, Debug, PartialEq)]
pub struct Desired {
    /// The pods' identity; without a token.
    pub service_account: ServiceAccount,
    /// The service's and nginx's configuration.
    pub config_map: ConfigMap,
    /// The pods.
    pub deployment: Deployment,
    /// Where clients and Prometheus reach the pods.
    pub service: Service,
    /// Makes Prometheus scrape the pods; none where `spec.monitoring.enabled` is false.
    pub service_monitor: Option<ServiceMonitor>,
}

/// Builds all children. The same input gives the same bytes.
pub fn build(validated: &Validated) -> Desired {
    let config_map = config_map::build(validated);
    Desired {
        service_account: service_account::build(validated),
        deployment: deployment::build(validated),
        config_map,
        service: service::build(validated),
        service_monitor: validated.spec.monitoring.enabled.then(|| service_monitor::build(validated)),
    }
}

use k8s_openapi::api::{
    apps::v1::{ControllerRevision, Deployment},
    autoscaling::v2::HorizontalPodAutoscaler,
    core::v1::{ConfigMap, Service, ServiceAccount},
    networking::v1::{Ingress, NetworkPolicy},
    policy::v1::PodDisruptionBudget,
};
use kube::core::ApiResource;

use super::foreign::{HTTPRoute, PrometheusRule, ServiceMonitor};

/// A kind of the API that we make objects of; each has one watch.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::IntoStaticStr, strum::VariantArray,
)]
#[allow(missing_docs)] // Kubernetes' own names.
pub enum Kind {
    ServiceAccount,
    ConfigMap,
    Service,
    Deployment,
    HorizontalPodAutoscaler,
    PodDisruptionBudget,
    NetworkPolicy,
    Ingress,
    #[strum(serialize = "HTTPRoute")]
    HttpRoute,
    ControllerRevision,
    ServiceMonitor,
    PrometheusRule,
}

impl Kind {
    /// Where the API server has it.
    pub fn resource(self) -> ApiResource {
        match self {
            Self::ServiceAccount => ApiResource::erase::<ServiceAccount>(&()),
            Self::ConfigMap => ApiResource::erase::<ConfigMap>(&()),
            Self::Service => ApiResource::erase::<Service>(&()),
            Self::Deployment => ApiResource::erase::<Deployment>(&()),
            Self::HorizontalPodAutoscaler => ApiResource::erase::<HorizontalPodAutoscaler>(&()),
            Self::PodDisruptionBudget => ApiResource::erase::<PodDisruptionBudget>(&()),
            Self::NetworkPolicy => ApiResource::erase::<NetworkPolicy>(&()),
            Self::Ingress => ApiResource::erase::<Ingress>(&()),
            Self::HttpRoute => ApiResource::erase::<HTTPRoute>(&()),
            Self::ControllerRevision => ApiResource::erase::<ControllerRevision>(&()),
            Self::ServiceMonitor => ApiResource::erase::<ServiceMonitor>(&()),
            Self::PrometheusRule => ApiResource::erase::<PrometheusRule>(&()),
        }
    }

    /// Comes with a definition of its own, that a cluster may not have.
    pub fn is_optional(self) -> bool {
        match self {
            Self::HttpRoute | Self::ServiceMonitor | Self::PrometheusRule => true,
            Self::ServiceAccount
            | Self::ConfigMap
            | Self::Service
            | Self::Deployment
            | Self::HorizontalPodAutoscaler
            | Self::PodDisruptionBudget
            | Self::NetworkPolicy
            | Self::Ingress
            | Self::ControllerRevision => false,
        }
    }

    /// Is only the metadata of its objects watched? Their content is read when it is needed.
    pub fn is_metadata_only(self) -> bool {
        self == Self::ControllerRevision
    }

    /// Its name, for people.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

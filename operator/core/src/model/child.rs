use super::{kind::Kind, meta::suffixed};
use crate::api::{self, MicroserviceSpec};

/// What one Microservice becomes, in the order in which it is applied: the Deployment comes after
/// what its pods need, and last what others need to be installed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::VariantArray)]
pub enum Child {
    /// The pods' identity; without a token.
    ServiceAccount,
    /// The numbers that change while pods run.
    ConfigMap,
    /// Who may connect to the pods; there before they are, and open before the Service leads there.
    NetworkPolicy,
    /// Where clients reach the pods.
    Service,
    /// Where Prometheus reaches the pods: inside the cluster only, however the other is exposed.
    Metrics,
    /// The pods.
    Deployment,
    /// Scales the pods by their load.
    HorizontalPodAutoscaler,
    /// Keeps evictions from taking too many pods at a time.
    PodDisruptionBudget,
    /// Leads to the Service from outside.
    Ingress,
    /// Leads to the Service from the Gateways.
    HttpRoute,
    /// Makes Prometheus scrape the pods.
    ServiceMonitor,
    /// Alerts.
    PrometheusRule,
    /// What Grafana shows.
    Dashboard,
}

impl Child {
    /// Of which kind it is.
    pub fn kind(self) -> Kind {
        match self {
            Self::ServiceAccount => Kind::ServiceAccount,
            Self::ConfigMap | Self::Dashboard => Kind::ConfigMap,
            Self::Service | Self::Metrics => Kind::Service,
            Self::NetworkPolicy => Kind::NetworkPolicy,
            Self::Deployment => Kind::Deployment,
            Self::HorizontalPodAutoscaler => Kind::HorizontalPodAutoscaler,
            Self::PodDisruptionBudget => Kind::PodDisruptionBudget,
            Self::Ingress => Kind::Ingress,
            Self::HttpRoute => Kind::HttpRoute,
            Self::ServiceMonitor => Kind::ServiceMonitor,
            Self::PrometheusRule => Kind::PrometheusRule,
        }
    }

    /// Its name, out of the name that all children share (`meta::child_name`).
    pub fn name(self, child_name: &str) -> String {
        match self {
            Self::ServiceAccount
            | Self::ConfigMap
            | Self::Service
            | Self::NetworkPolicy
            | Self::Deployment
            | Self::HorizontalPodAutoscaler
            | Self::PodDisruptionBudget
            | Self::Ingress
            | Self::HttpRoute
            | Self::ServiceMonitor
            | Self::PrometheusRule => child_name.to_owned(),
            Self::Metrics => suffixed(child_name, "metrics"),
            Self::Dashboard => suffixed(child_name, "dashboard"),
        }
    }

    /// Does the spec ask for it?
    pub fn is_wanted(self, spec: &MicroserviceSpec) -> bool {
        match self {
            Self::ServiceAccount => spec.service_account.name.is_none(),
            Self::ConfigMap | Self::Service | Self::Metrics | Self::Deployment => true,
            Self::HorizontalPodAutoscaler => spec.autoscaling.is_some() && !spec.stopped,
            // One that protects a single pod can only keep its node from being drained.
            Self::PodDisruptionBudget => spec.disruption.enabled && spec.most_replicas() >= 2,
            Self::NetworkPolicy => spec.network_policy.unwrap_or_default() != api::NetworkPolicy::Off,
            Self::Ingress => spec.expose.ingress.is_some(),
            Self::HttpRoute => spec.expose.http_route.is_some(),
            Self::ServiceMonitor => spec.monitoring.enabled,
            // Without metrics there is nothing to tell or to show.
            Self::PrometheusRule => spec.monitoring.enabled && spec.monitoring.rules.is_some(),
            Self::Dashboard => spec.monitoring.enabled && spec.monitoring.dashboard.is_some(),
        }
    }

    /// Can no pod that names it start without it?
    pub fn starts_pods(self) -> bool {
        matches!(self, Self::ServiceAccount | Self::ConfigMap)
    }
}

use k8s_openapi::api::{
    apps::v1::Deployment,
    autoscaling::v2::HorizontalPodAutoscaler,
    core::v1::{ConfigMap, Service, ServiceAccount},
    networking::v1::{Ingress, NetworkPolicy},
    policy::v1::PodDisruptionBudget,
};
use serde_json::Value;

use super::{
    autoscaler, config_map,
    configuration::{Configuration, names},
    dashboard, deployment, disruption_budget, http_route, ingress, metrics, network_policy, pod_template,
    prometheus_rule, service, service_account, service_monitor,
};
use crate::model::{Child, HTTPRoute, PrometheusRule, ResolvedMicroservice, ServiceMonitor, object::json_of};

/// Everything that a Microservice becomes; none is what its spec does not ask for.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)] // As the variants of `Child`.
pub struct Children {
    pub service_account: Option<ServiceAccount>,
    pub config_map: ConfigMap,
    /// What the pods are started with, named by its content; none where an earlier operator's pods stay.
    pub configuration: Option<ConfigMap>,
    /// Contents of files that stand in the spec, likewise.
    pub files: Option<ConfigMap>,
    pub service: Service,
    pub metrics: Service,
    pub network_policy: Option<NetworkPolicy>,
    /// With no pods of its own: `pod_template` takes their place.
    pub deployment: Deployment,
    /// As JSON: the user's patch, or another operator's record, may say what our types don't know.
    pub pod_template: Value,
    pub horizontal_pod_autoscaler: Option<HorizontalPodAutoscaler>,
    pub pod_disruption_budget: Option<PodDisruptionBudget>,
    pub ingress: Option<Ingress>,
    pub http_route: Option<HTTPRoute>,
    pub service_monitor: Option<ServiceMonitor>,
    pub prometheus_rule: Option<PrometheusRule>,
    pub dashboard: Option<ConfigMap>,
}

/// All children that the spec asks for. The same input gives the same bytes.
pub fn build(resolved: &ResolvedMicroservice) -> Children {
    let Configuration { config, files } = Configuration::of(resolved);
    let is_wanted = |child: Child| child.is_wanted(&resolved.spec);
    Children {
        service_account: is_wanted(Child::ServiceAccount).then(|| service_account::build(resolved)),
        config_map: config_map::build(resolved),
        configuration: Some(config),
        files,
        service: service::build(resolved),
        metrics: metrics::build(resolved),
        network_policy: is_wanted(Child::NetworkPolicy).then(|| network_policy::build(resolved)),
        deployment: deployment::build(resolved),
        pod_template: pod_template::build(resolved),
        horizontal_pod_autoscaler: is_wanted(Child::HorizontalPodAutoscaler)
            .then(|| autoscaler::build(resolved)),
        pod_disruption_budget: is_wanted(Child::PodDisruptionBudget)
            .then(|| disruption_budget::build(resolved)),
        ingress: is_wanted(Child::Ingress).then(|| ingress::build(resolved)),
        http_route: is_wanted(Child::HttpRoute).then(|| http_route::build(resolved)),
        service_monitor: is_wanted(Child::ServiceMonitor).then(|| service_monitor::build(resolved)),
        prometheus_rule: is_wanted(Child::PrometheusRule).then(|| prometheus_rule::build(resolved)),
        dashboard: is_wanted(Child::Dashboard).then(|| dashboard::build(resolved)),
    }
}

impl Children {
    /// The immutable ConfigMaps; there before the Deployment, whose pods name them.
    pub fn immutable(&self) -> impl Iterator<Item = &ConfigMap> {
        self.configuration.iter().chain(&self.files)
    }

    /// Their names.
    pub fn immutable_names(&self) -> impl Iterator<Item = &str> {
        names(self.immutable())
    }

    /// As they are applied, in the order of [`Child`]; all but [`immutable`](Self::immutable).
    pub fn into_objects(self) -> Vec<(Child, Value)> {
        let Self {
            service_account,
            config_map,
            configuration: _,
            files: _,
            service,
            metrics,
            network_policy,
            deployment,
            pod_template,
            horizontal_pod_autoscaler,
            pod_disruption_budget,
            ingress,
            http_route,
            service_monitor,
            prometheus_rule,
            dashboard,
        } = self;
        let mut deployment = json_of(deployment);
        deployment["spec"]["template"] = pod_template;
        let objects = [
            (Child::ServiceAccount, service_account.map(json_of)),
            (Child::ConfigMap, Some(json_of(config_map))),
            (Child::NetworkPolicy, network_policy.map(json_of)),
            (Child::Service, Some(json_of(service))),
            (Child::Metrics, Some(json_of(metrics))),
            (Child::Deployment, Some(deployment)),
            (Child::HorizontalPodAutoscaler, horizontal_pod_autoscaler.map(json_of)),
            (Child::PodDisruptionBudget, pod_disruption_budget.map(json_of)),
            (Child::Ingress, ingress.map(json_of)),
            (Child::HttpRoute, http_route.map(json_of)),
            (Child::ServiceMonitor, service_monitor.map(json_of)),
            (Child::PrometheusRule, prometheus_rule.map(json_of)),
            (Child::Dashboard, dashboard.map(json_of)),
        ];
        objects.into_iter().filter_map(|(child, object)| Some((child, object?))).collect()
    }

    /// An annotation of the Deployment itself.
    pub fn annotate_deployment(&mut self, name: &str, value: String) {
        let annotations = self.deployment.metadata.annotations.get_or_insert_default();
        annotations.insert(name.into(), value);
    }

    /// An annotation of its pods: another value is another pod template.
    pub fn annotate_pods(&mut self, name: &str, value: String) {
        self.pod_template["metadata"]["annotations"][name] = value.into();
    }
}

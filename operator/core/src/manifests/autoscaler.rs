use k8s_openapi::api::autoscaling::v2::{
    ContainerResourceMetricSource, CrossVersionObjectReference, HorizontalPodAutoscaler,
    HorizontalPodAutoscalerSpec, MetricSpec, MetricTarget,
};

use super::container::SERVICE_CONTAINER;
use crate::{
    api::Autoscaling,
    model::{ResolvedMicroservice, meta::object_meta},
};

/// As `kubectl autoscale` has it.
const DEFAULT_CPU: i32 = 80;

/// Scales the Deployment, whose `replicas` are its from then on.
pub(super) fn build(resolved: &ResolvedMicroservice) -> HorizontalPodAutoscaler {
    HorizontalPodAutoscaler {
        metadata: object_meta(resolved),
        spec: resolved.spec.autoscaling.as_ref().map(|autoscaling| HorizontalPodAutoscalerSpec {
            scale_target_ref: CrossVersionObjectReference {
                api_version: Some("apps/v1".into()),
                kind: "Deployment".into(),
                name: resolved.child_name.clone(),
            },
            min_replicas: Some(autoscaling.min_replicas),
            max_replicas: autoscaling.max_replicas,
            metrics: Some(metrics(autoscaling)),
            behavior: autoscaling.behavior.clone(),
        }),
        ..Default::default()
    }
}

fn metrics(autoscaling: &Autoscaling) -> Vec<MetricSpec> {
    let Autoscaling { cpu, memory, metrics, .. } = autoscaling;
    let nothing = cpu.is_none() && memory.is_none() && metrics.is_empty();
    let cpu = cpu.or(nothing.then_some(DEFAULT_CPU));
    let own =
        [("cpu", cpu), ("memory", *memory)].into_iter().filter_map(|(name, share)| Some((name, share?)));
    own.map(|(name, share)| utilization(name, share)).chain(metrics.iter().cloned()).collect()
}

/// Of the one container: a metric of the whole pod fails where an injected sidecar requests nothing.
fn utilization(name: &str, share: i32) -> MetricSpec {
    MetricSpec {
        type_: "ContainerResource".into(),
        container_resource: Some(ContainerResourceMetricSource {
            container: SERVICE_CONTAINER.into(),
            name: name.into(),
            target: MetricTarget {
                type_: "Utilization".into(),
                average_utilization: Some(share),
                ..Default::default()
            },
        }),
        ..Default::default()
    }
}

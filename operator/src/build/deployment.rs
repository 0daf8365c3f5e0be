use std::{collections::BTreeMap, time::Duration};

use k8s_openapi::{
    api::{
        apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment},
        core::v1::{
            ConfigMapVolumeSource, EmptyDirVolumeSource, PodSecurityContext, PodSpec, PodTemplateSpec,
            SeccompProfile, SecretVolumeSource, Volume,
        },
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

use super::{
    config_map,
    container::{self, CONFIG_VOLUME, PROXY_TLS_VOLUME, PROXY_TMP_VOLUME, SERVICE_TMP_VOLUME, service_drain},
    meta::{CONFIG_ANNOTATION, OWNER_ANNOTATION, REPLICAS_ANNOTATION, labels, object_meta, selector},
    statsd,
};
use crate::controller::validate::Validated;

/// After the last request is answered, time for the processes to end.
const EXIT_MARGIN: i64 = 5;

/// The pods: the service with nginx before it. New pods are ready before old ones go.
pub(super) fn build(validated: &Validated) -> Deployment {
    let rollout = &validated.spec.rollout;
    let replicas = &validated.replicas;
    let record = replicas.record.clone().map(|record| BTreeMap::from([(REPLICAS_ANNOTATION.into(), record)]));
    Deployment {
        metadata: ObjectMeta {
            annotations: record,
            resource_version: replicas.version.clone(),
            ..object_meta(validated)
        },
        spec: Some(DeploymentSpec {
            replicas: replicas.applied,
            selector: selector(validated),
            strategy: Some(DeploymentStrategy {
                type_: Some("RollingUpdate".into()),
                rolling_update: Some(RollingUpdateDeployment {
                    max_surge: Some(rollout.max_surge.clone()),
                    max_unavailable: Some(rollout.max_unavailable.clone()),
                }),
            }),
            min_ready_seconds: (rollout.min_ready_seconds > 0).then_some(rollout.min_ready_seconds),
            progress_deadline_seconds: Some(seconds(validated.progress_deadline)),
            revision_history_limit: Some(rollout.revision_history),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(labels(validated)),
                    annotations: Some(BTreeMap::from([
                        (CONFIG_ANNOTATION.into(), config_map::restart_digest(validated)),
                        (OWNER_ANNOTATION.into(), validated.name.clone()),
                    ])),
                    ..Default::default()
                }),
                spec: Some(pod(validated)),
            },
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn pod(validated: &Validated) -> PodSpec {
    let mut containers = vec![container::service(validated)];
    let mut volumes = vec![
        Volume {
            name: CONFIG_VOLUME.into(),
            config_map: Some(ConfigMapVolumeSource {
                name: validated.child_name.clone(),
                ..Default::default()
            }),
            ..Default::default()
        },
        empty_dir(SERVICE_TMP_VOLUME),
    ];
    if validated.spec.proxy.enabled {
        containers.push(container::proxy(validated));
        volumes.push(empty_dir(PROXY_TMP_VOLUME));
        volumes.extend(validated.spec.proxy.tls.as_ref().map(|tls| Volume {
            name: PROXY_TLS_VOLUME.into(),
            secret: Some(SecretVolumeSource {
                secret_name: Some(tls.secret_name.clone()),
                ..Default::default()
            }),
            ..Default::default()
        }));
    }
    PodSpec {
        init_containers: statsd::exporter(validated).map(|exporter| vec![exporter]),
        containers,
        volumes: Some(volumes),
        service_account_name: Some(validated.child_name.clone()),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(grace_period(validated)),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".into(), localhost_profile: None }),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// The longest request may begin at the last moment before the service is told to end.
fn grace_period(validated: &Validated) -> i64 {
    service_drain(validated) + i64::from(seconds(validated.longest_request())) + EXIT_MARGIN
}

/// Whole seconds; the longest that the API lets through is a day.
fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}

fn empty_dir(name: &str) -> Volume {
    Volume { name: name.into(), empty_dir: Some(EmptyDirVolumeSource::default()), ..Default::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::nginx::KEEPALIVE_MIN;

    /// peers: RedHatInsights/clowder#1783, rigdev/rig#583, kserve/kserve#3646 (which container ends
    /// last), OpenLiberty/open-liberty-operator#885 (the grace period)
    #[test]
    fn the_service_outlives_nginx_and_the_pod_both() {
        for drain in [0, 3, 600] {
            let mut validated = Validated::example();
            validated.spec.rollout.drain = drain;
            let pod = pod(&validated);
            let sleep = |name: &str| {
                let container = pod.containers.iter().find(|container| container.name == name)?;
                Some(container.lifecycle.as_ref()?.pre_stop.as_ref()?.sleep.as_ref()?.seconds)
            };
            let (service, nginx) = (sleep("service").unwrap(), sleep("nginx").unwrap_or_default());
            assert!(service > nginx + KEEPALIVE_MIN, "{service} s after {nginx} s");
            let longest = i64::try_from(validated.longest_request().as_secs()).unwrap();
            assert!(pod.termination_grace_period_seconds > Some(service + longest));
        }
    }
}

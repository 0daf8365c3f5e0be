use std::{collections::BTreeMap, time::Duration};

use k8s_openapi::{
    api::{
        apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment},
        core::v1::{
            EmptyDirVolumeSource, LocalObjectReference, PodSecurityContext, PodSpec, PodTemplateSpec,
            SeccompProfile, SecretVolumeSource, Volume,
        },
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

use super::{
    config_map,
    configuration::Configuration,
    container::{self, PROXY_TLS_VOLUME, PROXY_TMP_VOLUME, SERVICE_TMP_VOLUME, service_drain},
    files,
    scheduling::topology_spread,
    service_account,
    sidecars::init_containers,
};
use crate::{
    api::{MicroserviceSpec, Resources, Rollout, Strategy},
    model::{
        ResolvedMicroservice,
        list::some,
        meta::{
            CONFIG_ANNOTATION, OWNER_ANNOTATION, REPLICAS_ANNOTATION, RESOURCES_ANNOTATION, annotated,
            digest, labels, object_meta, selector,
        },
    },
};

/// After the last request is answered, time for the processes to end: the bundled service takes at most 5 s for
/// what it still has to send (docs/service.md).
const EXIT_MARGIN: i64 = 8;

/// What keeps the pods; they are in [`template`]. New ones are ready before old ones go, unless the spec
/// asks for the contrary.
pub(super) fn build(resolved: &ResolvedMicroservice) -> Deployment {
    let rollout = &resolved.spec.rollout;
    let replicas = &resolved.replicas;
    let template_record = resolved
        .spec
        .resources_per_worker
        .is_some()
        .then(|| format!("{}/{}", resolved.template_workers, template_digest(resolved)));
    let records = [(REPLICAS_ANNOTATION, replicas.record.clone()), (RESOURCES_ANNOTATION, template_record)];
    let records: BTreeMap<_, _> =
        records.into_iter().filter_map(|(name, record)| Some((name.into(), record?))).collect();
    Deployment {
        metadata: ObjectMeta {
            resource_version: replicas.version.clone(),
            ..annotated(object_meta(resolved), &records)
        },
        spec: Some(DeploymentSpec {
            replicas: replicas.applied,
            selector: selector(resolved),
            strategy: Some(strategy(rollout)),
            min_ready_seconds: (rollout.min_ready_seconds > 0).then_some(rollout.min_ready_seconds),
            progress_deadline_seconds: Some(seconds(resolved.progress_deadline)),
            revision_history_limit: Some(rollout.revision_history),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// The API server refuses the numbers of one strategy beside the other.
fn strategy(rollout: &Rollout) -> DeploymentStrategy {
    let rolling_update = (rollout.strategy == Strategy::RollingUpdate).then(|| RollingUpdateDeployment {
        max_surge: Some(rollout.max_surge.clone()),
        max_unavailable: Some(rollout.max_unavailable.clone()),
    });
    DeploymentStrategy { type_: Some(<&str>::from(rollout.strategy).into()), rolling_update }
}

/// The user's labels and annotations, and ours over them.
fn pod_meta(resolved: &ResolvedMicroservice, configuration: &Configuration) -> ObjectMeta {
    let mut all = resolved.spec.pod_metadata.clone();
    all.labels.extend(labels(resolved));
    all.annotations.extend([
        (CONFIG_ANNOTATION.into(), configuration.text()),
        (OWNER_ANNOTATION.into(), resolved.name.clone()),
    ]);
    ObjectMeta { labels: Some(all.labels), annotations: Some(all.annotations), ..Default::default() }
}

/// The pods, but for the user's patch.
pub(super) fn template(resolved: &ResolvedMicroservice) -> PodTemplateSpec {
    let configuration = Configuration::of(resolved);
    PodTemplateSpec {
        metadata: Some(pod_meta(resolved, &configuration)),
        spec: Some(pod(resolved, configuration)),
    }
}

/// Digest of the pod template, whatever the number of workers that its resources are for.
pub fn template_digest(resolved: &ResolvedMicroservice) -> String {
    let shared = ResolvedMicroservice { template_resources: Resources::default(), ..resolved.clone() };
    let MicroserviceSpec { resources, resources_per_worker, pod_template, .. } = &resolved.spec;
    // Kubernetes' types and ours always have a JSON form.
    let text = serde_json::to_vec(&(template(&shared), resources, resources_per_worker, pod_template));
    digest(&text.unwrap_or_default())
}

fn pod(resolved: &ResolvedMicroservice, configuration: Configuration) -> PodSpec {
    let spec = &resolved.spec;
    let config = configuration.config.metadata.name.unwrap_or_default();
    let contents = configuration.files.and_then(|files| files.metadata.name);
    let mut containers = vec![container::service(resolved)];
    let mut volumes = vec![config_map::volume(resolved, config), empty_dir(SERVICE_TMP_VOLUME)];
    if spec.proxy.enabled {
        containers.push(container::proxy(resolved));
        volumes.push(empty_dir(PROXY_TMP_VOLUME));
        volumes.extend(resolved.spec.proxy.tls.as_ref().map(|tls| Volume {
            name: PROXY_TLS_VOLUME.into(),
            secret: Some(SecretVolumeSource {
                secret_name: Some(tls.secret_name.clone()),
                ..Default::default()
            }),
            ..Default::default()
        }));
    }
    volumes.extend(files::volumes(spec, contents));
    volumes.extend(spec.volumes.iter().cloned());
    PodSpec {
        init_containers: init_containers(resolved),
        containers,
        volumes: Some(volumes),
        image_pull_secrets: some(&pull_secrets(resolved)),
        service_account_name: Some(service_account::name(resolved)),
        automount_service_account_token: Some(spec.service_account.automount_token),
        priority_class_name: spec.priority_class_name.clone(),
        node_selector: (!spec.node_selector.is_empty()).then(|| spec.node_selector.clone()),
        tolerations: some(&spec.tolerations),
        affinity: spec.affinity.clone(),
        topology_spread_constraints: topology_spread(resolved),
        runtime_class_name: spec.runtime_class_name.clone(),
        host_aliases: some(&spec.host_aliases),
        dns_policy: spec.dns_policy.map(|policy| <&str>::from(policy).into()),
        dns_config: spec.dns_config.clone(),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(
            spec.termination_grace_period_seconds.unwrap_or_else(|| grace_period(resolved)),
        ),
        security_context: Some(security_context(spec)),
        ..Default::default()
    }
}

fn security_context(spec: &MicroserviceSpec) -> PodSecurityContext {
    let said = spec.pod_security_context.clone().unwrap_or_default();
    let default = || SeccompProfile { type_: "RuntimeDefault".into(), localhost_profile: None };
    PodSecurityContext {
        run_as_non_root: said.run_as_non_root.or(Some(true)),
        seccomp_profile: said.seccomp_profile.or_else(|| Some(default())),
        ..said
    }
}

/// The user's, and those of the operator's own setting, each once.
fn pull_secrets(resolved: &ResolvedMicroservice) -> Vec<LocalObjectReference> {
    let mut all = resolved.spec.image_pull_secrets.clone();
    let of_operator = resolved.pull_secrets.iter().map(|name| LocalObjectReference { name: name.clone() });
    all.extend(of_operator.filter(|secret| !resolved.spec.image_pull_secrets.contains(secret)));
    all
}

/// The longest request may begin at the last moment before the service is told to end.
pub fn grace_period(resolved: &ResolvedMicroservice) -> i64 {
    service_drain(resolved) + i64::from(seconds(resolved.longest_request())) + EXIT_MARGIN
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
    use crate::manifests::nginx::KEEPALIVE_MIN;

    fn whole(resolved: &ResolvedMicroservice) -> PodSpec {
        pod(resolved, Configuration::of(resolved))
    }

    /// peers: RedHatInsights/clowder#1783, rigdev/rig#583, kserve/kserve#3646 (which container ends
    /// last), OpenLiberty/open-liberty-operator#885 (the grace period)
    #[test]
    fn the_service_outlives_nginx_and_the_pod_both() {
        for drain in [0, 3, 600] {
            let mut resolved = ResolvedMicroservice::example();
            resolved.spec.rollout.drain = drain;
            let pod = whole(&resolved);
            let sleep = |name: &str| {
                let container = pod.containers.iter().find(|container| container.name == name)?;
                Some(container.lifecycle.as_ref()?.pre_stop.as_ref()?.sleep.as_ref()?.seconds)
            };
            let (service, nginx) = (sleep("service").unwrap(), sleep("nginx").unwrap_or_default());
            assert!(service > nginx + KEEPALIVE_MIN, "{service} s after {nginx} s");
            let longest = i64::try_from(resolved.longest_request().as_secs()).unwrap();
            assert!(pod.termination_grace_period_seconds > Some(service + longest));
        }
    }

    #[test]
    fn the_operator_s_pull_secrets_stand_beside_the_user_s_once() {
        let mut resolved = ResolvedMicroservice::example();
        resolved.spec.image_pull_secrets = vec![LocalObjectReference { name: "own".into() }];
        resolved.pull_secrets = vec!["of-all".into(), "own".into()];
        let names: Vec<_> = pull_secrets(&resolved).into_iter().map(|secret| secret.name).collect();
        assert_eq!(names, ["own", "of-all"]);
    }

    /// The API refuses less, as the API server would: the rule beside the field has this number.
    #[test]
    fn the_least_grace_period_is_longer_than_the_service_waits() {
        let resolved = ResolvedMicroservice::example();
        assert_eq!(service_drain(&resolved), i64::from(resolved.spec.rollout.drain) + 9);
    }

    /// peers: OpenLiberty/open-liberty-operator#885
    #[test]
    fn a_pod_may_take_as_long_to_end_as_its_drain_and_its_longest_request() {
        let resolved = ResolvedMicroservice::example();
        let longest = i64::try_from(resolved.longest_request().as_secs()).unwrap();
        let pod = whole(&resolved);
        assert_eq!(pod.termination_grace_period_seconds, Some(grace_period(&resolved)));
        assert!(grace_period(&resolved) > service_drain(&resolved) + longest);
        for container in &pod.containers {
            assert!(container.lifecycle.as_ref().unwrap().pre_stop.as_ref().unwrap().sleep.is_some());
        }
    }

    /// peers: nginx/docker-nginx-unprivileged#17, #43, nginx/kubernetes-ingress#1677, odf-operator#307
    #[test]
    fn no_container_is_root_or_writes_outside_of_its_own_tmp() {
        let pod = whole(&ResolvedMicroservice::example());
        assert_eq!(pod.security_context.unwrap().run_as_non_root, Some(true));
        for container in pod.containers {
            let security = container.security_context.unwrap();
            assert_eq!(security.read_only_root_filesystem, Some(true));
            assert_eq!(security.allow_privilege_escalation, Some(false));
            assert_ne!(security.run_as_user, Some(0));
            let mounts = container.volume_mounts.unwrap();
            let writable: Vec<_> = mounts.iter().filter(|mount| mount.read_only != Some(true)).collect();
            assert_eq!(writable.len(), 1, "{}", container.name);
            assert_eq!(writable[0].mount_path, "/tmp");
            let volume = pod.volumes.iter().flatten().find(|volume| volume.name == writable[0].name);
            assert!(volume.unwrap().empty_dir.is_some());
        }
    }
}

use k8s_openapi::api::core::v1::{
    ConfigMapKeySelector, Container, EnvVar, EnvVarSource, Lifecycle, LifecycleHandler, SleepAction,
    VolumeMount,
};

use super::{
    config_map::{
        CONCURRENCY_KEY, CONFIG_VOLUME, NGINX_FILE, REQUESTS_PER_WORKER_KEY, SERVICE_FILE, follows,
    },
    defaults::{LAST_WORDS, port, requests, security},
    files,
    nginx::TLS_DIRECTORY,
    probe::{liveness, proxy_readiness, readiness, startup},
    sidecars::completed,
    statsd,
};
use crate::{
    api::{MicroserviceSpec, PROXY_PORT, PROXY_TLS_PORT},
    model::{
        ResolvedMicroservice,
        list::some,
        ports::{HTTP_PORT, HTTPS_PORT, METRICS_PORT, SERVICE_PORT},
    },
};

/// Name of the service's container.
pub const SERVICE_CONTAINER: &str = "service";
/// Name of nginx's container.
const PROXY_CONTAINER: &str = "nginx";

/// Volumes of the pod.
pub(super) const SERVICE_TMP_VOLUME: &str = "service-tmp";
pub(super) const PROXY_TMP_VOLUME: &str = "nginx-tmp";
pub(super) const PROXY_TLS_VOLUME: &str = "nginx-tls";

/// The service outlives nginx's `rollout.drain` by `keepalive_min_timeout` and a margin: nginx has
/// no request left by then.
const PROXY_END: i64 = 9;

const SERVICE_USER: i64 = 65532;
const PROXY_USER: i64 = 101;

/// For so many seconds nginx goes on taking connections, until every node knows that the pod is
/// ending; then it ends gracefully (QUIT, the image's stop signal).
fn proxy_drain(resolved: &ResolvedMicroservice) -> i64 {
    resolved.spec.rollout.drain.into()
}

/// For so many seconds the service goes on as if nothing were.
pub(super) fn service_drain(resolved: &ResolvedMicroservice) -> i64 {
    proxy_drain(resolved) + PROXY_END
}

/// The team's container.
pub(super) fn service(resolved: &ResolvedMicroservice) -> Container {
    let spec = &resolved.spec;
    Container {
        name: SERVICE_CONTAINER.into(),
        image: Some(resolved.image.clone()),
        image_pull_policy: spec.image_pull_policy.map(|p| <&str>::from(p).into()),
        command: some(&spec.command),
        args: some(&spec.args),
        env_from: some(&spec.env_from),
        env: Some(environment(resolved)),
        ports: Some(vec![port(SERVICE_PORT, spec.port), port(METRICS_PORT, spec.admin_port)]),
        resources: Some(resolved.template_resources.clone().into()),
        volume_mounts: Some(service_mounts(spec)),
        liveness_probe: liveness(resolved),
        readiness_probe: readiness(resolved),
        startup_probe: startup(resolved),
        lifecycle: sleep_before_stop(service_drain(resolved)),
        termination_message_policy: Some(LAST_WORDS.into()),
        // A team's image has a user of its own; the pod demands that it isn't root.
        security_context: Some(completed(
            spec.security_context.clone().unwrap_or_default(),
            security(resolved.bundled.then_some(SERVICE_USER)),
        )),
        ..Default::default()
    }
}

/// The proxy in front of it.
pub(super) fn proxy(resolved: &ResolvedMicroservice) -> Container {
    let proxy = &resolved.spec.proxy;
    let mut ports = vec![port(HTTP_PORT, PROXY_PORT)];
    let mut mounts =
        vec![mount(CONFIG_VOLUME, "/etc/microservice", true), mount(PROXY_TMP_VOLUME, "/tmp", false)];
    if resolved.serves_tls() {
        ports.push(port(HTTPS_PORT, PROXY_TLS_PORT));
        mounts.push(mount(PROXY_TLS_VOLUME, TLS_DIRECTORY, true));
    }
    Container {
        name: PROXY_CONTAINER.into(),
        image: Some(resolved.proxy_image.clone()),
        command: Some(
            [
                "nginx",
                "-c",
                &format!("/etc/microservice/{NGINX_FILE}"),
                "-e",
                "/dev/stderr",
                "-g",
                "daemon off;",
            ]
            .map(Into::into)
            .into(),
        ),
        ports: Some(ports),
        resources: Some(proxy.resources.clone().map_or_else(|| requests("20m", "16Mi"), Into::into)),
        volume_mounts: Some(mounts),
        readiness_probe: Some(proxy_readiness(resolved)),
        lifecycle: sleep_before_stop(proxy_drain(resolved)),
        termination_message_policy: Some(LAST_WORDS.into()),
        security_context: Some(security(Some(PROXY_USER))),
        ..Default::default()
    }
}

fn service_mounts(spec: &MicroserviceSpec) -> Vec<VolumeMount> {
    let mut mounts =
        vec![mount(CONFIG_VOLUME, "/etc/microservice", true), mount(SERVICE_TMP_VOLUME, "/tmp", false)];
    mounts.extend(files::mounts(spec));
    mounts.extend(spec.volume_mounts.iter().cloned());
    mounts
}

/// What any image gets, before the user's own. The two numbers come out of the ConfigMap, unless the image
/// reads them once: a change of theirs leaves the pod template alone, so it restarts no pod, and new pods
/// start with it.
fn environment(resolved: &ResolvedMicroservice) -> Vec<EnvVar> {
    let value =
        |name: &str, value: String| EnvVar { name: name.into(), value: Some(value), ..Default::default() };
    let number = |name: &str, key: &str, number: i32| {
        let source = || EnvVarSource {
            config_map_key_ref: Some(ConfigMapKeySelector {
                name: resolved.child_name.clone(),
                key: key.into(),
                optional: None,
            }),
            ..Default::default()
        };
        if follows(resolved) {
            EnvVar { name: name.into(), value_from: Some(source()), ..Default::default() }
        } else {
            value(name, number.to_string())
        }
    };
    let MicroserviceSpec { concurrency, requests_per_worker, .. } = resolved.spec;
    let mut environment = vec![
        value("PORT", resolved.spec.port.to_string()),
        number("WEB_CONCURRENCY", CONCURRENCY_KEY, concurrency),
        number("PYMICRO_CONCURRENCY", CONCURRENCY_KEY, concurrency),
        number("PYMICRO_GEVENT", REQUESTS_PER_WORKER_KEY, requests_per_worker),
        value("CHASSIS_CONFIG", format!("/etc/microservice/{SERVICE_FILE}")),
    ];
    environment.extend(statsd::environment(resolved));
    environment.extend(resolved.spec.env.iter().cloned());
    environment
}

fn mount(volume: &str, path: &str, read_only: bool) -> VolumeMount {
    VolumeMount {
        name: volume.into(),
        mount_path: path.into(),
        read_only: read_only.then_some(true),
        ..Default::default()
    }
}

/// The kubelet's own sleep: an image FROM scratch has no shell to sleep in. It takes no zero before
/// Kubernetes 1.34.
fn sleep_before_stop(seconds: i64) -> Option<Lifecycle> {
    (seconds > 0).then(|| Lifecycle {
        pre_stop: Some(LifecycleHandler { sleep: Some(SleepAction { seconds }), ..Default::default() }),
        ..Default::default()
    })
}

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};

use super::nginx;
use crate::{
    api::{ConcurrencyChange, Config},
    model::{
        ResolvedMicroservice,
        meta::{digest, object_meta},
    },
};

/// Keys of the ConfigMap; each is a file in the pod.
pub(super) const SERVICE_FILE: &str = "service.yaml";
pub(super) const NGINX_FILE: &str = "nginx.conf";
/// Read as environment by containers that start; see `container::environment`.
pub(super) const CONCURRENCY_KEY: &str = "concurrency";
pub(super) const REQUESTS_PER_WORKER_KEY: &str = "requestsPerWorker";

/// The service's configuration file, nginx's, and the two numbers that new containers start with.
pub(super) fn build(resolved: &ResolvedMicroservice) -> ConfigMap {
    let spec = &resolved.spec;
    let mut data = BTreeMap::from([
        (SERVICE_FILE.into(), service_file(resolved, true)),
        (CONCURRENCY_KEY.into(), spec.concurrency.to_string()),
        (REQUESTS_PER_WORKER_KEY.into(), spec.requests_per_worker.to_string()),
    ]);
    if spec.proxy.enabled {
        data.insert(NGINX_FILE.into(), nginx::config(resolved));
    }
    ConfigMap { metadata: object_meta(resolved), data: Some(data), ..Default::default() }
}

/// Digest of what takes a restart: all but the number of workers, unless that does too.
pub(super) fn restart_digest(resolved: &ResolvedMicroservice) -> String {
    let with_workers = resolved.spec.concurrency_change == ConcurrencyChange::Restart;
    let mut text = service_file(resolved, with_workers);
    if resolved.spec.proxy.enabled {
        text.push_str(&nginx::config(resolved));
    }
    digest(text.as_bytes())
}

/// The user's configuration with the operator's settings laid over it.
fn service_file(resolved: &ResolvedMicroservice, with_workers: bool) -> String {
    let spec = &resolved.spec;
    let mut config = Value::Object(spec.config.clone());
    // The second takes IPv4 as well.
    let any = if resolved.network.ipv6 { "[::]" } else { "0.0.0.0" };
    overlay(
        &mut config,
        json!({ "profile": spec.profile, "server": {
            "listen": format!("http://{any}:{}", spec.port),
            "admin": format!("http://{any}:{}", spec.admin_port),
            "timeout": spec.proxy.timeout,
            "max_body": spec.proxy.max_body_size,
        }}),
    );
    if with_workers {
        overlay(
            &mut config,
            json!({ "server": {
                "workers": spec.concurrency,
                "requests_per_worker": spec.requests_per_worker,
            }}),
        );
    }
    // What the user may override. The drain outlasts the longest request, so that none is cut off.
    let mut file = json!({
        "service": { "name": resolved.child_name },
        "server": { "drain_timeout": format!("{}s", resolved.longest_request().as_secs()) },
    });
    overlay(&mut file, config);
    // Values made of JSON always have a YAML form.
    serde_yaml::to_string(&file).unwrap_or_default()
}

/// Lays `over` over `base`: objects are merged, everything else is replaced.
fn overlay(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                overlay(base.entry(key).or_insert(Value::Object(Config::new())), value);
            }
        }
        (base, over) => *base = over,
    }
}

#[cfg(test)]
mod tests {
    use super::{build, restart_digest};
    use crate::{api::ConcurrencyChange, model::ResolvedMicroservice};
    use serde_json::json;

    #[test]
    fn an_image_that_reads_the_number_once_is_restarted_for_it() {
        let mut resolved = ResolvedMicroservice::example();
        resolved.spec.concurrency_change = ConcurrencyChange::Restart;
        let before = restart_digest(&resolved);
        resolved.spec.concurrency = 64;
        assert_ne!(restart_digest(&resolved), before);
    }

    #[test]
    fn only_the_number_of_workers_takes_no_restart() {
        let mut resolved = ResolvedMicroservice::example();
        let before = restart_digest(&resolved);
        resolved.spec.concurrency = 64;
        resolved.spec.requests_per_worker = 2;
        assert_eq!(restart_digest(&resolved), before);
        resolved.spec.config.insert("message".into(), json!({"delay": "1s"}));
        assert_ne!(restart_digest(&resolved), before);
    }

    #[test]
    fn the_users_configuration_is_kept_beside_ours() {
        let mut resolved = ResolvedMicroservice::example();
        resolved.spec.config = json!({"server": {"read_timeout": "5s"}, "message": {"delay": "1s"}})
            .as_object()
            .unwrap()
            .clone();
        let data = build(&resolved).data.unwrap();
        let file: serde_json::Value = serde_yaml::from_str(&data["service.yaml"]).unwrap();
        assert_eq!(file["server"]["read_timeout"], "5s");
        assert_eq!(file["server"]["workers"], 4);
        assert_eq!(file["message"]["delay"], "1s");
        assert_eq!(file["service"]["name"], "example");
    }
}

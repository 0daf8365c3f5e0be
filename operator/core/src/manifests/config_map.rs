use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    ConfigMap, ConfigMapProjection, KeyToPath, ProjectedVolumeSource, Volume, VolumeProjection,
};
use serde_json::{Value, json};

use super::nginx;
use crate::{
    api::{ConcurrencyChange, Config},
    model::{ResolvedMicroservice, meta::object_meta},
};

/// Volume of the pod that has them all.
pub(super) const CONFIG_VOLUME: &str = "config";

/// Keys of the ConfigMaps; each is a file in the pod.
pub(super) const SERVICE_FILE: &str = "service.yaml";
pub(super) const NGINX_FILE: &str = "nginx.conf";
/// Beside the service's file, which it wins over.
const LIVE_FILE: &str = "live.yaml";
/// Read as environment by containers that start; see `container::environment`.
pub(super) const CONCURRENCY_KEY: &str = "concurrency";
pub(super) const REQUESTS_PER_WORKER_KEY: &str = "requestsPerWorker";

/// The numbers that change while pods run: those that new containers start with, and the file that the
/// service follows.
pub(super) fn build(resolved: &ResolvedMicroservice) -> ConfigMap {
    let live = json!({ "server": workers(resolved) });
    let mut data = numbers(resolved);
    data.insert(LIVE_FILE.into(), yaml(&live));
    ConfigMap { metadata: object_meta(resolved), data: Some(data), ..Default::default() }
}

/// What takes a restart: the service's configuration file and nginx's, and the numbers of an image that
/// reads them once.
pub(super) fn restarting(resolved: &ResolvedMicroservice) -> BTreeMap<String, String> {
    let mut data = if follows(resolved) { BTreeMap::new() } else { numbers(resolved) };
    data.insert(SERVICE_FILE.into(), service_file(resolved));
    if resolved.spec.proxy.enabled {
        data.insert(NGINX_FILE.into(), nginx::config(resolved));
    }
    data
}

/// Does the service take on another number of workers while it runs?
pub(super) fn follows(resolved: &ResolvedMicroservice) -> bool {
    resolved.spec.concurrency_change == ConcurrencyChange::Live
}

fn numbers(resolved: &ResolvedMicroservice) -> BTreeMap<String, String> {
    let spec = &resolved.spec;
    BTreeMap::from([
        (CONCURRENCY_KEY.into(), spec.concurrency.to_string()),
        (REQUESTS_PER_WORKER_KEY.into(), spec.requests_per_worker.to_string()),
    ])
}

fn workers(resolved: &ResolvedMicroservice) -> Value {
    let spec = &resolved.spec;
    json!({ "workers": spec.concurrency, "requests_per_worker": spec.requests_per_worker })
}

/// All these files in one folder. `restarting` is the name of the immutable ConfigMap.
pub(super) fn volume(resolved: &ResolvedMicroservice, restarting: String) -> Volume {
    let source = |name: String, items: Option<Vec<KeyToPath>>| VolumeProjection {
        config_map: Some(ConfigMapProjection { name, items, ..Default::default() }),
        ..Default::default()
    };
    // By name: what else may stand there is for pods of an earlier operator.
    let live = [LIVE_FILE, CONCURRENCY_KEY, REQUESTS_PER_WORKER_KEY];
    let live = live.map(|key| KeyToPath { key: key.into(), path: key.into(), mode: None });
    let live = follows(resolved).then(|| source(resolved.child_name.clone(), Some(live.into())));
    let sources = [source(restarting, None)].into_iter().chain(live).collect();
    Volume {
        name: CONFIG_VOLUME.into(),
        projected: Some(ProjectedVolumeSource { sources: Some(sources), ..Default::default() }),
        ..Default::default()
    }
}

/// The files that an earlier operator kept beside the numbers, for the pods that it made: as they were, but
/// for the numbers in them.
pub(crate) fn keep_earlier(
    map: &mut ConfigMap,
    files: BTreeMap<String, String>,
    resolved: &ResolvedMicroservice,
) {
    let files = files.into_iter().filter(|(key, _)| is_earlier(key)).map(|(key, text)| {
        let mut file: Value = serde_yaml::from_str(&text).unwrap_or_default();
        if key != SERVICE_FILE || !file.is_object() || !follows(resolved) {
            return (key, text);
        }
        overlay(&mut file, json!({ "server": workers(resolved) }));
        (key, yaml(&file))
    });
    map.data.get_or_insert_default().extend(files);
}

/// Is it a file that an earlier operator kept beside the numbers?
pub fn is_earlier(key: &str) -> bool {
    [SERVICE_FILE, NGINX_FILE].contains(&key)
}

/// The user's configuration with the operator's settings laid over it.
fn service_file(resolved: &ResolvedMicroservice) -> String {
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
    if !follows(resolved) {
        overlay(&mut config, json!({ "server": workers(resolved) }));
    }
    // What the user may override. The drain outlasts the longest request, so that none is cut off.
    let mut file = json!({
        "service": { "name": resolved.child_name },
        "server": { "drain_timeout": format!("{}s", resolved.longest_request().as_secs()) },
    });
    overlay(&mut file, config);
    yaml(&file)
}

/// Values made of JSON always have a YAML form.
fn yaml(value: &Value) -> String {
    serde_yaml::to_string(value).unwrap_or_default()
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
    use super::{build, keep_earlier, restarting};
    use crate::{api::ConcurrencyChange, model::ResolvedMicroservice};
    use serde_json::{Value, json};

    fn parsed(text: &str) -> Value {
        serde_yaml::from_str(text).unwrap()
    }

    #[test]
    fn the_users_configuration_is_kept_beside_ours() {
        let mut resolved = ResolvedMicroservice::example();
        resolved.spec.config = json!({"server": {"read_timeout": "5s"}, "message": {"delay": "1s"}})
            .as_object()
            .unwrap()
            .clone();
        let file = parsed(&restarting(&resolved)["service.yaml"]);
        assert_eq!(file["server"]["read_timeout"], "5s");
        assert_eq!(file["message"]["delay"], "1s");
        assert_eq!(file["service"]["name"], "example");
    }

    #[test]
    fn the_workers_stand_where_they_can_be_changed() {
        let mut resolved = ResolvedMicroservice::example();
        resolved.spec.concurrency = 9;
        assert_eq!(parsed(&restarting(&resolved)["service.yaml"])["server"].get("workers"), None);
        let live = build(&resolved).data.unwrap();
        assert_eq!(live["concurrency"], "9");
        assert_eq!(parsed(&live["live.yaml"]), json!({"server": {"workers": 9, "requests_per_worker": 1}}));
        resolved.spec.concurrency_change = ConcurrencyChange::Restart;
        let data = restarting(&resolved);
        assert_eq!(parsed(&data["service.yaml"])["server"]["workers"], 9);
        assert_eq!(data["concurrency"], "9");
    }

    #[test]
    fn pods_of_an_earlier_operator_find_their_files_and_the_new_numbers() {
        let mut resolved = ResolvedMicroservice::example();
        resolved.spec.concurrency = 9;
        let earlier = [
            ("service.yaml", "server:\n  workers: 4\n  timeout: 5s\n"),
            ("nginx.conf", "# as it was"),
            ("concurrency", "4"),
        ];
        let mut map = build(&resolved);
        keep_earlier(&mut map, earlier.map(|(k, v)| (k.to_owned(), v.to_owned())).into(), &resolved);
        let data = map.data.unwrap();
        assert_eq!(
            parsed(&data["service.yaml"])["server"],
            json!({"workers": 9, "requests_per_worker": 1, "timeout": "5s"})
        );
        assert_eq!((&*data["nginx.conf"], &*data["concurrency"]), ("# as it was", "9"));
    }
}

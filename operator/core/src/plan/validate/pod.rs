//! What fields about the pods have to do with each other.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Container;
use serde_json::{Value, json};

use crate::{
    api::{MicroserviceSpec, PROXY_PORT, PROXY_TLS_PORT, Problem},
    manifests::{EXPORTER_PORT_NUMBER, STATSD_PORT, faults, merge},
    model::meta::{NAME_LABEL, OWNER_ANNOTATION, RESTARTED_ANNOTATION},
};

/// A ConfigMap takes 1 MiB with all around the contents.
const MAX_CONTENTS: usize = 1_000_000;

/// All that is wrong.
pub(super) fn problems(spec: &MicroserviceSpec) -> Vec<Problem> {
    [paths(spec), volumes(spec), contents(spec), names(spec), ports(spec), template(spec)].concat()
}

/// One path, one thing; and in what can't be written no other can be mounted.
fn paths(spec: &MicroserviceSpec) -> Vec<Problem> {
    let files =
        spec.files.iter().enumerate().map(|(index, file)| (format!("spec.files[{index}].path"), &file.path));
    let mounts = spec.volume_mounts.iter().enumerate();
    let mounts =
        mounts.map(|(index, mount)| (format!("spec.volumeMounts[{index}].mountPath"), &mount.mount_path));
    let mut problems = Vec::new();
    let mut taken: BTreeMap<&str, String> = BTreeMap::new();
    for (field, path) in files.chain(mounts) {
        match taken.get(path.trim_end_matches('/')) {
            Some(other) => {
                problems.push(Problem::error(
                    field,
                    format!("{path} is the path of {other} too: choose another"),
                ));
            }
            None => {
                taken.insert(path.trim_end_matches('/'), field);
            }
        }
    }
    for (path, field) in &taken {
        let above = taken.iter().find(|(other, by)| {
            by.starts_with("spec.files")
                && path.strip_prefix(**other).is_some_and(|rest| rest.starts_with('/'))
        });
        if let Some((above, by)) = above {
            problems.push(Problem::error(
                field.as_str(),
                format!("{path} lies in {above} ({by}), which can't be written: choose a path outside of it"),
            ));
        }
    }
    problems
}

/// Whatever is mounted has to be there.
fn volumes(spec: &MicroserviceSpec) -> Vec<Problem> {
    let known: BTreeSet<&str> = spec.volumes.iter().map(|volume| &*volume.name).collect();
    let own = spec.volume_mounts.iter().map(|mount| ("spec.volumeMounts".to_owned(), &mount.name));
    let others = containers(spec).flat_map(|(field, container)| {
        let mounts = container.volume_mounts.iter().flatten();
        mounts.map(move |mount| (format!("{field}[{}].volumeMounts", container.name), &mount.name))
    });
    let unknown = own.chain(others).filter(|(_, name)| !known.contains(&***name));
    unknown
        .map(|(field, name)| {
            Problem::error(field, format!("there is no volume {name}: add it to spec.volumes"))
        })
        .collect()
}

fn contents(spec: &MicroserviceSpec) -> Vec<Problem> {
    let size: usize = spec.files.iter().filter_map(|file| Some(file.content.as_ref()?.len())).sum();
    let message = format!(
        "the contents have {size} bytes, and {MAX_CONTENTS} is the limit for all together: put large files into the image or a volume"
    );
    if size > MAX_CONTENTS { vec![Problem::error("spec.files", message)] } else { Vec::new() }
}

/// A pod has no two containers of one name.
fn names(spec: &MicroserviceSpec) -> Vec<Problem> {
    let sidecars: BTreeSet<_> = spec.sidecars.iter().map(|sidecar| &sidecar.name).collect();
    let twice = spec.init_containers.iter().filter(|container| sidecars.contains(&container.name));
    twice
        .map(|container| {
            Problem::error(
                format!("spec.initContainers[{}]", container.name),
                "is a sidecar's name too: give one of them another",
            )
        })
        .collect()
}

/// All containers of a pod share its ports.
fn ports(spec: &MicroserviceSpec) -> Vec<Problem> {
    let mut ours =
        BTreeMap::from([(("TCP", spec.port), "spec.port"), (("TCP", spec.admin_port), "spec.adminPort")]);
    if spec.proxy.enabled {
        ours.insert(("TCP", PROXY_PORT), "the proxy");
    }
    if spec.proxy.enabled && spec.proxy.tls.is_some() {
        ours.insert(("TCP", PROXY_TLS_PORT), "spec.proxy.tls");
    }
    if spec.monitoring.statsd.is_some() {
        ours.insert(("TCP", EXPORTER_PORT_NUMBER), "spec.monitoring.statsd");
        ours.insert(("UDP", STATSD_PORT), "spec.monitoring.statsd");
    }
    let all = containers(spec).flat_map(|(field, container)| {
        let ports = container.ports.iter().flatten();
        ports.map(move |port| {
            let protocol = port.protocol.as_deref().unwrap_or("TCP");
            (format!("{field}[{}].ports", container.name), protocol, port.container_port)
        })
    });
    all.filter_map(|(field, protocol, port)| {
        let whose = ours.get(&(protocol, port))?;
        Some(Problem::error(
            field,
            format!("{port} is taken by {whose}: let the container listen on another port"),
        ))
    })
    .collect()
}

fn containers(spec: &MicroserviceSpec) -> impl Iterator<Item = (&'static str, &Container)> {
    let init = spec.init_containers.iter().map(|container| ("spec.initContainers", container));
    init.chain(spec.sidecars.iter().map(|container| ("spec.sidecars", container)))
}

/// The patch of the pods: well-formed, and nothing of what tells whose the pods are.
fn template(spec: &MicroserviceSpec) -> Vec<Problem> {
    let patch = Value::Object(spec.pod_template.clone());
    let below = |path: &str| format!("spec.podTemplate.{path}");
    let mut problems: Vec<_> =
        faults(&patch).into_iter().map(|(path, message)| Problem::error(below(&path), message)).collect();
    let ours = json!({"metadata": {"labels": {NAME_LABEL: ""}, "annotations": {OWNER_ANNOTATION: ""}}});
    let mut patched = ours.clone();
    merge(&mut patched, &patch);
    for (map, name) in [("labels", NAME_LABEL), ("annotations", OWNER_ANNOTATION)] {
        if patched["metadata"][map].get(name) != ours["metadata"][map].get(name) {
            let message =
                format!("{name} tells whose the pods are and can't be changed: remove it from the patch");
            problems.push(Problem::error(below(&format!("metadata.{map}")), message));
        }
    }
    if patched["metadata"]["annotations"].get(RESTARTED_ANNOTATION).is_some() {
        let message =
            format!("{RESTARTED_ANNOTATION} belongs to `kubectl rollout restart`: remove it from the patch");
        problems.push(Problem::error(below("metadata.annotations"), message));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::problems;
    use rstest::rstest;
    use serde_json::{Value, json};

    fn found(spec: Value) -> Vec<(String, String)> {
        let spec = serde_json::from_value(spec).unwrap();
        problems(&spec).into_iter().map(|problem| (problem.field, problem.message)).collect()
    }

    #[rstest]
    #[case::path_twice(
        json!({"files": [{"path": "/a", "content": ""}], "volumes": [{"name": "v"}], "volumeMounts": [{"name": "v", "mountPath": "/a/"}]}),
        "spec.volumeMounts[0].mountPath", "choose another")]
    #[case::below_a_file(
        json!({"files": [{"path": "/a", "secret": {"name": "s"}}, {"path": "/a/b", "content": ""}]}),
        "spec.files[1].path", "choose a path outside of it")]
    #[case::no_volume(
        json!({"volumeMounts": [{"name": "v", "mountPath": "/v"}]}),
        "spec.volumeMounts", "there is no volume v: add it to spec.volumes")]
    #[case::no_volume_for_a_sidecar(
        json!({"sidecars": [{"name": "s", "image": "i", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}]}),
        "spec.sidecars[s].volumeMounts", "there is no volume v")]
    #[case::contents(
        json!({"files": [{"path": "/a", "content": "x".repeat(1_000_001)}]}),
        "spec.files", "put large files into the image or a volume")]
    #[case::name_twice(
        json!({"sidecars": [{"name": "s", "image": "i"}], "initContainers": [{"name": "s", "image": "i"}]}),
        "spec.initContainers[s]", "give one of them another")]
    #[case::port(
        json!({"sidecars": [{"name": "s", "image": "i", "ports": [{"containerPort": 8081}]}]}),
        "spec.sidecars[s].ports", "8081 is taken by the proxy")]
    #[case::port_of_https(
        json!({"proxy": {"tls": {"secretName": "t"}}, "sidecars": [{"name": "s", "image": "i", "ports": [{"containerPort": 8443}]}]}),
        "spec.sidecars[s].ports", "8443 is taken by spec.proxy.tls: let the container listen on another port")]
    #[case::port_of_the_exporter(
        json!({"monitoring": {"statsd": {}}, "sidecars": [{"name": "s", "image": "i", "ports": [{"containerPort": 9102}]}]}),
        "spec.sidecars[s].ports", "9102 is taken by spec.monitoring.statsd")]
    #[case::port_for_pushed_metrics(
        json!({"monitoring": {"statsd": {}}, "sidecars": [{"name": "s", "image": "i", "ports": [{"containerPort": 9125, "protocol": "UDP"}]}]}),
        "spec.sidecars[s].ports", "9125 is taken by spec.monitoring.statsd")]
    #[case::selector(
        json!({"podTemplate": {"metadata": {"labels": {"microservice.dev/name": "x"}}}}),
        "spec.podTemplate.metadata.labels", "remove it from the patch")]
    #[case::all_labels(
        json!({"podTemplate": {"metadata": {"labels": {"$patch": "replace", "a": "b"}}}}),
        "spec.podTemplate.metadata.labels", "remove it from the patch")]
    #[case::owner(
        json!({"podTemplate": {"metadata": {"annotations": null}}}),
        "spec.podTemplate.metadata.annotations", "microservice.dev/microservice tells whose the pods are")]
    #[case::restarted(
        json!({"podTemplate": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "x"}}}}),
        "spec.podTemplate.metadata.annotations", "belongs to `kubectl rollout restart`")]
    #[case::malformed(
        json!({"podTemplate": {"spec": {"containers": [{"image": "x"}]}}}),
        "spec.podTemplate.spec.containers[0]", "write name")]
    fn a_contradiction_names_field_and_remedy(#[case] spec: Value, #[case] field: &str, #[case] says: &str) {
        let found = found(spec);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, field);
        assert!(found[0].1.contains(says), "{found:?}");
    }

    #[test]
    fn what_goes_together_is_let_through() {
        let spec = json!({
            "files": [{"path": "/a/b", "content": ""}, {"path": "/a/bc", "content": ""}],
            "volumes": [{"name": "v"}],
            "volumeMounts": [{"name": "v", "mountPath": "/a/c"}],
            "proxy": {"enabled": false},
            "sidecars": [{"name": "s", "image": "i", "ports": [{"containerPort": 8081}, {"containerPort": 8443}, {"containerPort": 9102}, {"containerPort": 8080, "protocol": "UDP"}], "volumeMounts": [{"name": "v", "mountPath": "/v"}]}],
            "podTemplate": {"metadata": {"labels": {"a": "b"}, "annotations": {"microservice.dev/config": null}}},
        });
        assert_eq!(found(spec), []);
    }
}

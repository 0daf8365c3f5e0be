//! `spec.files`: what the service's container finds at a path.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    ConfigMap, ConfigMapVolumeSource, KeyToPath, SecretVolumeSource, Volume, VolumeMount,
};

use crate::{
    api::{File, FileSource, MicroserviceSpec},
    model::{
        Child, ResolvedMicroservice,
        meta::{digest, object_meta},
    },
};

/// Volume of the contents that stand in the spec. Those of other files are `file-DIGEST`.
const CONTENTS_VOLUME: &str = "files";

/// The contents that stand in the spec.
pub(super) fn build(resolved: &ResolvedMicroservice) -> ConfigMap {
    let mut metadata = object_meta(resolved);
    metadata.name = Some(Child::Files.name(&resolved.child_name));
    ConfigMap { metadata, data: Some(contents(&resolved.spec)), ..Default::default() }
}

/// Of the contents: a file that was started with another stays as it was.
pub(super) fn restart_digest(spec: &MicroserviceSpec) -> Option<String> {
    // Maps of text always have a JSON form.
    Child::Files
        .is_wanted(spec)
        .then(|| digest(serde_json::to_string(&contents(spec)).unwrap_or_default().as_bytes()))
}

fn contents(spec: &MicroserviceSpec) -> BTreeMap<String, String> {
    let contents = spec.files.iter().filter_map(|file| Some((content_key(file), file.content.clone()?)));
    contents.collect()
}

/// Two files may have the same last name.
fn content_key(file: &File) -> String {
    format!("{}-{}", &digest(file.path.as_bytes())[..8], last_name(file))
}

fn last_name(file: &File) -> &str {
    file.path.rsplit('/').next().unwrap_or_default()
}

/// One for all contents, and one for each other file.
pub(super) fn volumes(resolved: &ResolvedMicroservice) -> Vec<Volume> {
    let spec = &resolved.spec;
    let contents = Child::Files.is_wanted(spec).then(|| Volume {
        name: CONTENTS_VOLUME.into(),
        config_map: Some(ConfigMapVolumeSource {
            name: Child::Files.name(&resolved.child_name),
            ..Default::default()
        }),
        ..Default::default()
    });
    contents.into_iter().chain(spec.files.iter().filter_map(source_volume)).collect()
}

fn source_volume(file: &File) -> Option<Volume> {
    let items = |source: &FileSource| {
        source.key.clone().map(|key| vec![KeyToPath { key, path: last_name(file).into(), mode: None }])
    };
    let (config_map, secret) = (file.config_map.as_ref(), file.secret.as_ref());
    config_map.or(secret)?;
    Some(Volume {
        name: source_volume_name(file),
        config_map: config_map.map(|source| ConfigMapVolumeSource {
            name: source.name.clone(),
            items: items(source),
            ..Default::default()
        }),
        secret: secret.map(|source| SecretVolumeSource {
            secret_name: Some(source.name.clone()),
            items: items(source),
            ..Default::default()
        }),
        ..Default::default()
    })
}

fn source_volume_name(file: &File) -> String {
    format!("file-{}", digest(file.path.as_bytes()))
}

/// Each file at its path.
pub(super) fn mounts(spec: &MicroserviceSpec) -> Vec<VolumeMount> {
    let mount = |file: &File| {
        let (volume, within) = match (&file.content, file.config_map.as_ref().or(file.secret.as_ref())) {
            (None, Some(source)) => {
                (source_volume_name(file), source.key.as_ref().map(|_| last_name(file).into()))
            }
            _ => (CONTENTS_VOLUME.into(), Some(content_key(file))),
        };
        VolumeMount {
            name: volume,
            mount_path: file.path.clone(),
            sub_path: within,
            read_only: Some(true),
            ..Default::default()
        }
    };
    spec.files.iter().map(mount).collect()
}

#[cfg(test)]
mod tests {
    use super::{build, mounts, restart_digest, volumes};
    use crate::model::ResolvedMicroservice;
    use serde_json::{from_value, json};

    fn with_files(files: serde_json::Value) -> ResolvedMicroservice {
        let mut resolved = ResolvedMicroservice::example();
        resolved.spec.files = from_value(files).unwrap();
        resolved
    }

    #[test]
    fn every_mount_has_its_volume_and_every_volume_its_mount() {
        let resolved = with_files(json!([
            {"path": "/a/x", "content": "1"},
            {"path": "/b/x", "content": "2"},
            {"path": "/c", "configMap": {"name": "c"}},
            {"path": "/d/x", "secret": {"name": "d", "key": "k"}},
        ]));
        let volumes: Vec<_> = volumes(&resolved).into_iter().map(|volume| volume.name).collect();
        let mounts = mounts(&resolved.spec);
        assert_eq!((volumes.len(), mounts.len()), (3, 4));
        assert!(mounts.iter().all(|mount| volumes.contains(&mount.name) && mount.read_only == Some(true)));
        assert!(volumes.iter().all(|volume| mounts.iter().any(|mount| mount.name == *volume)));
        let data = build(&resolved).data.unwrap();
        let content = |path: &str| {
            let mount = mounts.iter().find(|mount| mount.mount_path == path).unwrap();
            data[mount.sub_path.as_ref().unwrap()].clone()
        };
        assert_eq!((content("/a/x"), content("/b/x")), ("1".into(), "2".into()));
    }

    #[test]
    fn a_changed_content_starts_new_pods_and_another_place_of_it_too() {
        let digest = |path: &str, content: &str| {
            restart_digest(&with_files(json!([{"path": path, "content": content}])).spec).unwrap()
        };
        assert_ne!(digest("/a", "1"), digest("/a", "2"));
        assert_ne!(digest("/a", "1"), digest("/b", "1"));
        assert_eq!(restart_digest(&ResolvedMicroservice::example().spec), None);
    }
}

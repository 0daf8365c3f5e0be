//! `spec.files`: what the service's container finds at a path.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMapVolumeSource, KeyToPath, SecretVolumeSource, Volume, VolumeMount};

use crate::{
    api::{File, FileSource, MicroserviceSpec},
    model::meta::digest,
};

/// Volume of the contents that stand in the spec. Those of other files are `file-DIGEST`.
const CONTENTS_VOLUME: &str = "files";

/// The contents that stand in the spec, if there are any.
pub(super) fn contents(spec: &MicroserviceSpec) -> Option<BTreeMap<String, String>> {
    let contents = spec.files.iter().filter_map(|file| Some((content_key(file), file.content.clone()?)));
    let contents: BTreeMap<_, _> = contents.collect();
    (!contents.is_empty()).then_some(contents)
}

/// Two files may have the same last name.
fn content_key(file: &File) -> String {
    format!("{}-{}", &digest(file.path.as_bytes())[..8], last_name(file))
}

fn last_name(file: &File) -> &str {
    file.path.rsplit('/').next().unwrap_or_default()
}

/// One for all contents, which the ConfigMap of this name has, and one for each other file.
pub(super) fn volumes(spec: &MicroserviceSpec, contents: Option<String>) -> Vec<Volume> {
    let contents = contents.map(|name| Volume {
        name: CONTENTS_VOLUME.into(),
        config_map: Some(ConfigMapVolumeSource { name, ..Default::default() }),
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
    use super::{contents, mounts, volumes};
    use crate::api::MicroserviceSpec;
    use serde_json::{from_value, json};

    #[test]
    fn every_mount_has_its_volume_and_every_volume_its_mount() {
        let spec: MicroserviceSpec = from_value(json!({"files": [
            {"path": "/a/x", "content": "1"},
            {"path": "/b/x", "content": "2"},
            {"path": "/c", "configMap": {"name": "c"}},
            {"path": "/d/x", "secret": {"name": "d", "key": "k"}},
        ]}))
        .unwrap();
        let volumes = volumes(&spec, Some("contents".into()));
        let volumes: Vec<_> = volumes.into_iter().map(|volume| volume.name).collect();
        let mounts = mounts(&spec);
        assert_eq!((volumes.len(), mounts.len()), (3, 4));
        assert!(mounts.iter().all(|mount| volumes.contains(&mount.name) && mount.read_only == Some(true)));
        assert!(volumes.iter().all(|volume| mounts.iter().any(|mount| mount.name == *volume)));
        let data = contents(&spec).unwrap();
        let content = |path: &str| {
            let mount = mounts.iter().find(|mount| mount.mount_path == path).unwrap();
            data[mount.sub_path.as_ref().unwrap()].clone()
        };
        assert_eq!((content("/a/x"), content("/b/x")), ("1".into(), "2".into()));
    }
}

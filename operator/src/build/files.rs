//! `spec.files`: what the service's container finds at a path.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    ConfigMap, ConfigMapVolumeSource, KeyToPath, SecretVolumeSource, Volume, VolumeMount,
};

use super::meta::{digest, object_meta};
use crate::{
    api::{File, FileSource, MicroserviceSpec},
    controller::validate::Validated,
};

/// Volume of the contents that stand in the spec. Those of other files are `file-DIGEST`.
const CONTENTS_VOLUME: &str = "files";

/// Does any content stand in the spec?
pub(super) fn has_contents(spec: &MicroserviceSpec) -> bool {
    spec.files.iter().any(|file| file.content.is_some())
}

/// The name of the ConfigMap of the contents.
pub(super) fn contents_name(child_name: &str) -> String {
    format!("{child_name}-files")
}

/// The contents that stand in the spec.
pub(super) fn build(validated: &Validated) -> ConfigMap {
    let mut metadata = object_meta(validated);
    metadata.name = Some(contents_name(&validated.child_name));
    ConfigMap { metadata, data: Some(contents(&validated.spec)), ..Default::default() }
}

/// Of the contents: a file that was started with another stays as it was.
pub(super) fn restart_digest(spec: &MicroserviceSpec) -> Option<String> {
    // Maps of text always have a JSON form.
    has_contents(spec).then(|| digest(serde_json::to_string(&contents(spec)).unwrap_or_default().as_bytes()))
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
pub(super) fn volumes(validated: &Validated) -> Vec<Volume> {
    let spec = &validated.spec;
    let contents = has_contents(spec).then(|| Volume {
        name: CONTENTS_VOLUME.into(),
        config_map: Some(ConfigMapVolumeSource {
            name: contents_name(&validated.child_name),
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
    use crate::controller::validate::Validated;
    use serde_json::{from_value, json};

    fn with_files(files: serde_json::Value) -> Validated {
        let mut validated = Validated::example();
        validated.spec.files = from_value(files).unwrap();
        validated
    }

    #[test]
    fn every_mount_has_its_volume_and_every_volume_its_mount() {
        let validated = with_files(json!([
            {"path": "/a/x", "content": "1"},
            {"path": "/b/x", "content": "2"},
            {"path": "/c", "configMap": {"name": "c"}},
            {"path": "/d/x", "secret": {"name": "d", "key": "k"}},
        ]));
        let volumes: Vec<_> = volumes(&validated).into_iter().map(|volume| volume.name).collect();
        let mounts = mounts(&validated.spec);
        assert_eq!((volumes.len(), mounts.len()), (3, 4));
        assert!(mounts.iter().all(|mount| volumes.contains(&mount.name) && mount.read_only == Some(true)));
        assert!(volumes.iter().all(|volume| mounts.iter().any(|mount| mount.name == *volume)));
        let data = build(&validated).data.unwrap();
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
        assert_eq!(restart_digest(&Validated::example().spec), None);
    }
}

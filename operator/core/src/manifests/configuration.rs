//! What the pods are started with, in immutable ConfigMaps that are named by their content: a change of it is
//! a change of the pod template, and pods of another template keep theirs.

use std::collections::BTreeMap;

use k8s_openapi::{api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::ObjectMeta};

use super::{config_map, files};
use crate::model::{
    ResolvedMicroservice,
    meta::{COMPONENT_LABEL, CONFIGURATION, digest, object_meta},
    object::json_of,
};

/// The ConfigMaps of a pod template.
pub(super) struct Configuration {
    /// The service's configuration file and nginx's.
    pub(super) config: ConfigMap,
    /// Contents of files that stand in the spec.
    pub(super) files: Option<ConfigMap>,
}

impl Configuration {
    pub(super) fn of(resolved: &ResolvedMicroservice) -> Self {
        let named = |part: &str, data: BTreeMap<String, String>| {
            // Maps of text always have a JSON form.
            let digest = digest(json_of(&data).to_string().as_bytes());
            immutable(object_meta(resolved), format!("{}-{part}{digest}", resolved.child_name), data)
        };
        Self {
            config: named("", config_map::restarting(resolved)),
            files: files::contents(&resolved.spec).map(|contents| named("files-", contents)),
        }
    }

    /// As the annotation has them.
    pub(super) fn text(&self) -> String {
        names([&self.config].into_iter().chain(&self.files)).collect::<Vec<_>>().join(",")
    }
}

/// The names of ConfigMaps.
pub(super) fn names<'a>(maps: impl IntoIterator<Item = &'a ConfigMap>) -> impl Iterator<Item = &'a str> {
    maps.into_iter().filter_map(|map| map.metadata.name.as_deref())
}

/// The ConfigMap with this content.
pub(crate) fn immutable(metadata: ObjectMeta, name: String, data: BTreeMap<String, String>) -> ConfigMap {
    let mut labels = metadata.labels.unwrap_or_default();
    labels.insert(COMPONENT_LABEL.into(), CONFIGURATION.into());
    ConfigMap {
        metadata: ObjectMeta { name: Some(name), labels: Some(labels), ..metadata },
        data: Some(data),
        immutable: Some(true),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::Configuration;
    use crate::{api::ConcurrencyChange, model::ResolvedMicroservice};

    fn of(spec: Value) -> ResolvedMicroservice {
        let mut resolved = ResolvedMicroservice::example();
        resolved.spec = serde_json::from_value(spec).unwrap();
        resolved
    }

    #[rstest]
    #[case::the_service_s(json!({"config": {"message": {"delay": "1s"}}}))]
    #[case::nginx_s(json!({"proxy": {"gzip": true}}))]
    #[case::a_file(json!({"files": [{"path": "/a", "content": "1"}]}))]
    #[case::another_content(json!({"files": [{"path": "/a", "content": "2"}]}))]
    #[case::another_place(json!({"files": [{"path": "/b", "content": "1"}]}))]
    #[case::one_file_less(json!({"files": [{"path": "/a", "content": "1"}, {"path": "/b", "content": "1"}]}))]
    #[case::a_number_that_is_read_once(json!({"concurrencyChange": "Restart", "concurrency": 64}))]
    fn another_content_has_another_name(#[case] spec: Value) {
        let (before, after) = (Configuration::of(&of(json!({}))), Configuration::of(&of(spec.clone())));
        assert_ne!(before.text(), after.text());
        assert_eq!(after.text(), Configuration::of(&of(spec)).text());
        assert!([Some(after.config), after.files].iter().flatten().all(|map| map.immutable == Some(true)));
    }

    #[test]
    fn the_numbers_that_a_service_follows_are_no_part_of_it() {
        let before = Configuration::of(&of(json!({}))).text();
        assert_eq!(Configuration::of(&of(json!({"concurrency": 64, "requestsPerWorker": 2}))).text(), before);
        let mut restart = of(json!({"concurrency": 4}));
        restart.spec.concurrency_change = ConcurrencyChange::Restart;
        let few = Configuration::of(&restart).text();
        restart.spec.concurrency = 64;
        assert_ne!(Configuration::of(&restart).text(), few);
    }

    #[test]
    fn there_is_no_map_of_files_where_there_is_no_file() {
        let other = json!({"files": [{"path": "/c", "configMap": {"name": "c"}}]});
        assert!(Configuration::of(&of(other)).files.is_none());
    }
}

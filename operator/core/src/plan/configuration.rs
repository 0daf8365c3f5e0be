//! Pure: which of the immutable ConfigMaps that pods are started with something still needs. Pods and recorded
//! renderings say so themselves; ReplicaSets, which nobody watches, name no others than the last pod templates.

use std::collections::BTreeSet;

use kube::{ResourceExt, core::DynamicObject};

use crate::{
    manifests::Children,
    model::meta::{COMPONENT_LABEL, CONFIG_ANNOTATION, CONFIGURATION},
    observed::{History, Observed},
};

/// What the revision that follows `before` notes: the ConfigMaps of its own pods, then those of as many pod
/// templates before it as there may be ReplicaSets. Those of an earlier operator find theirs only as long as
/// they have pods.
pub fn noted(own: &str, before: Option<&str>, child_name: &str, revision_history: i32) -> String {
    // While one replaces another both start pods.
    let most = usize::try_from(revision_history).unwrap_or_default().max(1) + 1;
    let before = before.unwrap_or_default().split(' ').filter(|set| !["", own, child_name].contains(set));
    [own].into_iter().chain(before).take(most).collect::<Vec<_>>().join(" ")
}

/// What a revision notes as its own. Pods of an earlier operator are started with the ConfigMap of the numbers.
pub fn own(children: &Children, child_name: &str) -> String {
    let names: Vec<_> = children.immutable_names().collect();
    if names.is_empty() { child_name.to_owned() } else { names.join(",") }
}

/// The names of all that are needed: by the pods to be, which need their `own`, by those that run, and by
/// those that may come back.
pub fn needed(own: &str, child_name: &str, observed: &Observed, history: &History) -> BTreeSet<String> {
    let pods = observed.pods.iter().map(|pod| {
        let noted = pod.annotations().get(CONFIG_ANNOTATION).map(String::as_str);
        // A digest, of an earlier operator.
        noted.filter(|noted| noted.contains('-')).unwrap_or(child_name)
    });
    let revisions =
        history.revisions().map(|revision| revision.configuration.as_deref().unwrap_or(child_name));
    let noted = [own].into_iter().chain(pods).chain(revisions).flat_map(|noted| noted.split([' ', ',']));
    let mut needed: BTreeSet<_> = noted.map(ToOwned::to_owned).collect();
    if needed.contains(child_name) {
        needed.insert(earlier_files(child_name));
    }
    needed
}

/// Where an earlier operator kept the contents of files.
fn earlier_files(child_name: &str) -> String {
    format!("{child_name}-files")
}

/// Of a Microservice's own ConfigMaps, is it one that pods are started with?
pub fn starts_pods(map: &DynamicObject, child_name: &str) -> bool {
    let component = map.labels().get(COMPONENT_LABEL).map(String::as_str);
    component == Some(CONFIGURATION) || map.name_any() == earlier_files(child_name)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    #[rstest]
    #[case::first("a", None, 3, "a")]
    #[case::next("b", Some("a"), 3, "b a")]
    #[case::back_again("a", Some("b a"), 3, "a b")]
    #[case::the_same("b", Some("b a"), 3, "b a")]
    #[case::no_more_than_there_are_replica_sets("e,f", Some("d c b a"), 3, "e,f d c b")]
    #[case::the_one_that_is_replaced("c", Some("b a"), 0, "c b")]
    #[case::of_an_earlier_operator("a", Some("m b"), 3, "a b")]
    #[case::still_of_an_earlier_operator("m", Some("m"), 3, "m")]
    fn as_many_are_noted_as_there_may_be_replica_sets(
        #[case] own: &str,
        #[case] before: Option<&str>,
        #[case] revision_history: i32,
        #[case] expected: &str,
    ) {
        assert_eq!(noted(own, before, "m", revision_history), expected);
    }

    fn object(metadata: &Value) -> DynamicObject {
        serde_json::from_value(json!({ "metadata": metadata })).unwrap()
    }

    fn revision(name: &str, configuration: Option<&str>) -> DynamicObject {
        object(&json!({"name": name, "annotations": {
            "microservice.dev/number": "1", "microservice.dev/generation": "1", "microservice.dev/spec": "s",
            "microservice.dev/rendering": "r", CONFIG_ANNOTATION: configuration.unwrap_or_default(),
        }}))
    }

    fn observed(pods: &[&str]) -> Observed {
        let pods = pods.iter().map(|noted| {
            let pod = json!({"metadata": {"annotations": {CONFIG_ANNOTATION: noted}}});
            Arc::new(serde_json::from_value(pod).unwrap())
        });
        Observed { pods: pods.collect(), ..Observed::default() }
    }

    fn is_kept(name: &str, pods: &[&str], history: &History) -> bool {
        needed("example-0", "example", &observed(pods), history).contains(name)
    }

    #[test]
    fn what_a_pod_or_a_recorded_rendering_or_a_last_template_needs_is_kept_and_nothing_else() {
        let pods = ["example-1,example-files-1"];
        let history = History::of(&[revision("r", Some("example-2 example-3,example-files-3"))]);
        let kept = ["0", "1", "files-1", "2", "3", "files-3"];
        assert!(kept.iter().all(|name| is_kept(&format!("example-{name}"), &pods, &history)));
        assert!(["example-4", "example-files", "example"].iter().all(|name| !is_kept(name, &pods, &history)));
    }

    #[test]
    fn only_what_starts_pods_is_meant() {
        let is_meant = |name: &str, labels: &Value| {
            starts_pods(&object(&json!({"name": name, "labels": labels})), "example")
        };
        assert!(is_meant("example-0", &json!({COMPONENT_LABEL: CONFIGURATION})));
        assert!(is_meant("example-files", &json!({})));
        assert!(!is_meant("example", &json!({})) && !is_meant("example-dashboard", &json!({})));
    }

    #[rstest]
    #[case::its_pods_run(&["0123456789abcdef"], Some("example-1"), true)]
    #[case::it_may_come_back(&["example-1"], None, true)]
    #[case::nothing_of_it_is_left(&["example-1"], Some("example-1"), false)]
    fn files_of_an_earlier_operator_stay_as_long_as_its_pods(
        #[case] pods: &[&str],
        #[case] configuration: Option<&str>,
        #[case] stays: bool,
    ) {
        let mut recorded = revision("r", configuration);
        if configuration.is_none() {
            recorded.annotations_mut().remove(CONFIG_ANNOTATION);
        }
        let history = History::of(&[recorded]);
        assert_eq!(is_kept("example-files", pods, &history), stays);
        assert_eq!(is_kept("example", pods, &history), stays);
    }
}

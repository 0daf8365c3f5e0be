//! Which pods take on the resources of another number of workers where they are, and whether the pod
//! template may keep those that it was made with.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use super::resources::of_workers;
use crate::{
    api::{MicroserviceSpec, Resources, parse_quantity},
    manifests::{SERVICE_CONTAINER, template_digest},
    model::{Child, ResolvedMicroservice, meta::RESOURCES_ANNOTATION},
    observed::{Answer, Observed, Progress},
};

/// Lets the template keep the resources that it has, if they are all that would change of it
/// and the pods can have theirs without new ones.
pub fn keep_template(resolved: &mut ResolvedMicroservice, observed: &Observed) {
    let Some(workers) = template_workers(resolved, observed) else { return };
    // A template whose pods are refused, such as by a LimitRange, is nothing to keep.
    let deployment = observed.ours(Child::Deployment).map(|deployment| &**deployment);
    let is_refused = Progress::of(deployment).refused.is_some();
    if is_refused || !can_resize(resolved, observed) {
        resolved.rolls_out_resources = workers != resolved.template_workers;
    } else if let Ok(resources) = of_workers(&resolved.spec, workers) {
        resolved.template_workers = workers;
        resolved.template_resources = resources;
    }
}

/// The number of workers that the template was made for, if nothing else of it changes.
fn template_workers(resolved: &ResolvedMicroservice, observed: &Observed) -> Option<i32> {
    resolved.spec.resources_per_worker.as_ref()?;
    let record = observed.ours(Child::Deployment)?.annotations().get(RESOURCES_ANNOTATION)?;
    let (workers, digest) = record.split_once('/')?;
    (digest == template_digest(resolved)).then(|| workers.parse().ok())?
}

fn can_resize(resolved: &ResolvedMicroservice, observed: &Observed) -> bool {
    wanted(&resolved.spec, observed)
        .is_some_and(|wanted| !observed.pods.iter().any(|pod| is_stuck(pod, &wanted)))
}

/// Pods that do not have the resources of the wanted number of workers yet.
pub fn resizing<'a>(spec: &MicroserviceSpec, observed: &'a Observed) -> impl Iterator<Item = &'a Arc<Pod>> {
    let wanted = wanted(spec, observed);
    observed.pods.iter().filter(move |pod| wanted.as_ref().is_some_and(|wanted| !is_resized(pod, wanted)))
}

/// What running pods should have; none where that is not changed while they run.
pub fn wanted(spec: &MicroserviceSpec, observed: &Observed) -> Option<Resources> {
    spec.resources_per_worker.as_ref().filter(|_| observed.resizable)?;
    of_workers(spec, spec.concurrency).ok()
}

/// Pods that are to be given these resources now.
pub fn due<'a>(
    wanted: &Resources,
    resolved: &ResolvedMicroservice,
    observed: &'a Observed,
) -> impl Iterator<Item = &'a Arc<Pod>> {
    observed.pods.iter().filter(move |pod| !has(pod, wanted) && !has_more_workers(pod, resolved, observed))
}

/// Does the pod's spec say so? What others add, such as a LimitRange, is not our business.
fn has(pod: &Pod, wanted: &Resources) -> bool {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let resources = containers.filter(|c| c.name == SERVICE_CONTAINER).find_map(|c| c.resources.as_ref());
    resources.is_some_and(|resources| {
        [(&wanted.requests, &resources.requests), (&wanted.limits, &resources.limits)].into_iter().all(
            |(wanted, have)| {
                wanted.iter().all(|(name, amount)| {
                    let have = have.as_ref().and_then(|have| have.get(name));
                    have.is_some_and(|have| parse_quantity(&have.0) == parse_quantity(&amount.0))
                })
            },
        )
    })
}

/// It still needs what it has: nothing is taken from workers that run.
fn has_more_workers(pod: &Pod, resolved: &ResolvedMicroservice, observed: &Observed) -> bool {
    matches!(observed.answer(pod), Some(Answer::Runs(has)) if has.workers > resolved.spec.concurrency)
}

/// Has the kubelet done what the pod's spec says?
fn is_resized(pod: &Pod, wanted: &Resources) -> bool {
    is_asked(pod, wanted) && !says(pod, "PodResizePending") && !says(pod, "PodResizeInProgress")
}

/// The node has no room for it, now or ever: another may have.
fn is_stuck(pod: &Pod, wanted: &Resources) -> bool {
    is_asked(pod, wanted) && says(pod, "PodResizePending")
}

/// Is what the kubelet says of the pod about these resources?
fn is_asked(pod: &Pod, wanted: &Resources) -> bool {
    let seen = pod.status.as_ref().and_then(|status| status.observed_generation);
    has(pod, wanted)
        && seen.is_none_or(|seen| pod.metadata.generation.is_none_or(|generation| seen >= generation))
}

fn says(pod: &Pod, type_: &str) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|condition| condition.type_ == type_ && condition.status == "True")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::observed::{Entry, Live, Workers};

    /// A pod with the resources of so many workers.
    fn pod(workers: i32, status: &Value) -> Pod {
        let memory = format!("{}Mi", 32 + 16 * workers);
        serde_json::from_value(json!({
            "metadata": {"generation": 2},
            "spec": {"containers": [{"name": "service", "resources": {"requests": {"cpu": "50m", "memory": memory}}}]},
            "status": status,
        }))
        .unwrap()
    }

    fn pending(reason: &str) -> Value {
        json!({"observedGeneration": 2, "conditions": [{"type": "PodResizePending", "status": "True", "reason": reason}]})
    }

    fn resolved(workers: i32) -> ResolvedMicroservice {
        let mut resolved = ResolvedMicroservice::example();
        resolved.spec.concurrency = workers;
        let each = json!({"requests": {"memory": "16Mi"}});
        resolved.spec.resources_per_worker = Some(serde_json::from_value(each).unwrap());
        resolved.template_workers = workers;
        resolved.template_resources = of_workers(&resolved.spec, workers).unwrap();
        resolved
    }

    /// A Deployment that was made for four workers, and its pods.
    fn observed(pods: Vec<Pod>) -> Observed {
        let record = format!("4/{}", template_digest(&resolved(4)));
        let deployment = json!({"metadata": {"annotations": { RESOURCES_ANNOTATION: record }}});
        let entry = Entry { object: Arc::new(serde_json::from_value(deployment).unwrap()), settled: None };
        let children = [(Child::Deployment, Live::Ours(entry))].into();
        Observed {
            children,
            pods: pods.into_iter().map(Arc::new).collect(),
            resizable: true,
            ..Observed::default()
        }
    }

    fn template_after(mut resolved: ResolvedMicroservice, observed: &Observed) -> i32 {
        keep_template(&mut resolved, observed);
        resolved.template_workers
    }

    #[test]
    fn a_template_stays_while_only_the_workers_change() {
        assert_eq!(template_after(resolved(8), &observed(vec![pod(4, &json!({}))])), 4);
        let mut other = resolved(8);
        other.image = "another".into();
        assert_eq!(template_after(other, &observed(vec![])), 8, "it rolls out anyway");
        let mut other = resolved(8);
        other.spec.resources_per_worker.as_mut().unwrap().requests.clear();
        assert_eq!(template_after(other, &observed(vec![])), 8, "another share");
        let cannot = Observed { resizable: false, ..observed(vec![]) };
        assert_eq!(template_after(resolved(8), &cannot), 8, "the cluster can't");
    }

    /// In a namespace with a LimitRange the pods for eight workers were refused.
    #[test]
    fn after_a_refusal_what_worked_before_works_again() {
        let mut observed = observed(vec![]);
        let mut refused = (**observed.ours(Child::Deployment).unwrap()).clone();
        let condition = json!({"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "forbidden"});
        refused.data = json!({"status": {"conditions": [condition]}});
        let record = format!("8/{}", template_digest(&resolved(8)));
        refused.metadata.annotations = Some([(RESOURCES_ANNOTATION.into(), record)].into());
        let entry = Entry { object: Arc::new(refused), settled: None };
        observed.children.insert(Child::Deployment, Live::Ours(entry));
        let mut back = resolved(4);
        keep_template(&mut back, &observed);
        assert_eq!((back.template_workers, back.rolls_out_resources), (4, true));
        let mut same = resolved(8);
        keep_template(&mut same, &observed);
        assert_eq!((same.template_workers, same.rolls_out_resources), (8, false));
    }

    #[rstest]
    #[case("Infeasible")]
    #[case("Deferred")]
    fn where_a_node_has_no_room_new_pods_take_over(#[case] reason: &str) {
        assert_eq!(template_after(resolved(8), &observed(vec![pod(8, &pending(reason))])), 8);
        assert_eq!(
            template_after(resolved(8), &observed(vec![pod(4, &pending(reason))])),
            4,
            "of another wish"
        );
        let mut old = pod(8, &pending(reason));
        old.metadata.generation = Some(3);
        assert_eq!(template_after(resolved(8), &observed(vec![old])), 4, "not of this wish yet");
    }

    #[rstest]
    #[case::shrinking(Answer::Runs(Workers { workers: 8, requests_per_worker: 1 }), true)]
    #[case::shrunk(Answer::Runs(Workers { workers: 4, requests_per_worker: 1 }), false)]
    #[case::growing(Answer::Runs(Workers { workers: 2, requests_per_worker: 1 }), false)]
    #[case::unknown(Answer::Unreachable, false)]
    fn nothing_is_taken_from_workers_that_run(#[case] answer: Answer, #[case] waits: bool) {
        let mut pod = pod(8, &json!({}));
        pod.metadata.uid = Some("uid".into());
        let observed = Observed { workers: [("uid".into(), answer)].into(), ..Observed::default() };
        assert_eq!(has_more_workers(&pod, &resolved(4), &observed), waits);
    }

    #[rstest]
    #[case::not_asked(pod(4, &json!({"observedGeneration": 2})), 1)]
    #[case::not_seen(pod(8, &json!({"observedGeneration": 1})), 1)]
    #[case::no_room(pod(8, &pending("Deferred")), 1)]
    #[case::under_way(pod(8, &json!({"observedGeneration": 2, "conditions": [{"type": "PodResizeInProgress", "status": "True"}]})), 1)]
    #[case::done(pod(8, &json!({"observedGeneration": 2})), 0)]
    #[case::done_on_an_older_cluster(pod(8, &json!({})), 0)]
    fn a_pod_is_resized_when_its_kubelet_has_done_so(#[case] pod: Pod, #[case] left: usize) {
        assert_eq!(resizing(&resolved(8).spec, &observed(vec![pod])).count(), left);
    }
}

//! Events: few, with a bounded reason, and only when something changed.
//!
//! The recorder takes events of the same action, reason and object for repetitions and shows the
//! first one's note again. The generation in the action keeps apart what is not the same.

use k8s_openapi::{
    api::core::v1::ObjectReference,
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
    jiff::Timestamp,
};
use kube::{
    Api, Resource,
    api::PostParams,
    runtime::events::{Event, EventType, Reporter},
};

use super::{
    apply::{Cause, Change},
    context::Context,
    error::namespace_is_ending,
};
use crate::{
    api::{ConditionType, Microservice, MicroserviceStatus, RolloutReason},
    build::{Child, meta::child_name},
};

/// Longest note the API server takes is 1 KiB.
const NOTE: usize = 1000;

/// Longest name of an object.
const MAX_NAME: usize = 253;

/// What is worth telling about a reconcile.
pub fn events(
    old: &MicroserviceStatus,
    new: &MicroserviceStatus,
    changes: &[Change],
    pruned: &[Child],
) -> Vec<Event> {
    let generation = new.observed_generation;
    let mut events = Vec::new();
    let mut kinds = Vec::new();
    for Change { child, cause } in changes {
        let kind = child.kind().name();
        match cause {
            Cause::Drifted(path) => {
                events.push(event(
                    EventType::Warning,
                    "DriftRepaired",
                    &format!("Repair {kind}"),
                    &format!("{kind}: {path} was changed by somebody else and is set back"),
                ));
            }
            Cause::Created | Cause::Updated => kinds.push(kind),
        }
    }
    if !kinds.is_empty() {
        events.push(event(EventType::Normal, "Applied", &format!("Apply@{generation}"), &kinds.join(", ")));
    }
    events.extend(pruned.iter().map(|child| {
        let note = format!("{} is not wanted any more", child.kind().name());
        event(EventType::Normal, "Pruned", "Prune", &note)
    }));
    events.extend(rollout(old, new));
    events.extend(transition(old, new, ConditionType::Accepted));
    events.extend(transition(old, new, ConditionType::Ready));
    events
}

/// What causes new pods. The first ones need no cause.
fn rollout(old: &MicroserviceStatus, new: &MicroserviceStatus) -> Option<Event> {
    let rollout = new.last_rollout.as_ref().filter(|rollout| old.last_rollout.as_ref() != Some(rollout))?;
    let type_ = match rollout.reason {
        RolloutReason::Created => return None,
        RolloutReason::RolledBack | RolloutReason::DriftRepaired => EventType::Warning,
        _ => EventType::Normal,
    };
    let reason: &str = rollout.reason.into();
    let fields = rollout.changed_fields.join(", ");
    let by = if fields.is_empty() { String::new() } else { format!(", for {fields}") };
    // The time keeps apart what is no repetition.
    let action = format!("Rollout@{}", rollout.time.0.as_second());
    Some(event(type_, reason, &action, &format!("new pods replace the old ones{by}")))
}

/// An event where a condition's status or reason changed. What is not yet so is no warning.
fn transition(old: &MicroserviceStatus, new: &MicroserviceStatus, type_: ConditionType) -> Option<Event> {
    let name: &str = type_.into();
    let find = |status: &MicroserviceStatus| status.conditions.iter().find(|c| c.type_ == name).cloned();
    let now = find(new)?;
    let before = find(old);
    let same = before.as_ref().is_some_and(|b| b.status == now.status && b.reason == now.reason);
    let expected =
        matches!(&*now.reason, "RollingOut" | "ConcurrencyLagging" | "MinimumReplicasUnavailable" | "Valid");
    if same || expected {
        return None;
    }
    let type_ = if now.status == "False" { EventType::Warning } else { EventType::Normal };
    Some(event(type_, &now.reason, &format!("{name}@{}", new.observed_generation), &now.message))
}

fn event(type_: EventType, reason: &str, action: &str, note: &str) -> Event {
    let note = note.chars().take(NOTE / 4).collect();
    Event { type_, reason: reason.into(), action: action.into(), note: Some(note), secondary: None }
}

/// Publishes; a failure is logged and changes nothing else.
pub async fn publish(context: &Context, microservice: &Microservice, events: &[Event]) {
    for event in events {
        let regarding = microservice.object_ref(&());
        let published = if fits(&regarding) {
            context.recorder.publish(event, &regarding).await
        } else {
            publish_unnamed(context, event, regarding).await
        };
        if let Err(error) = published
            && !namespace_is_ending(&error)
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "an event could not be published");
        }
    }
}

/// Does the recorder find a name for an event of it? It takes the object's, and adds a dot and the time
/// in nanoseconds, of 16 digits.
fn fits(regarding: &ObjectReference) -> bool {
    regarding.name.as_ref().is_none_or(|name| name.len() + 17 <= MAX_NAME)
}

/// As the recorder does, but with a name of the API server's choice, and without looking for repetitions.
async fn publish_unnamed(context: &Context, event: &Event, regarding: ObjectReference) -> kube::Result<()> {
    let namespace = regarding.namespace.clone().unwrap_or_default();
    let api = Api::<k8s_openapi::api::events::v1::Event>::namespaced(context.client.clone(), &namespace);
    api.create(&PostParams::default(), &unnamed(&context.reporter, event, regarding)).await.map(drop)
}

fn unnamed(
    reporter: &Reporter,
    event: &Event,
    regarding: ObjectReference,
) -> k8s_openapi::api::events::v1::Event {
    let Reporter { controller, instance } = reporter.clone();
    let prefix = child_name(regarding.name.as_deref().unwrap_or_default());
    k8s_openapi::api::events::v1::Event {
        metadata: ObjectMeta {
            generate_name: Some(format!("{prefix}-")),
            namespace: regarding.namespace.clone(),
            ..ObjectMeta::default()
        },
        action: Some(event.action.clone()),
        reason: Some(event.reason.clone()),
        note: event.note.clone(),
        type_: Some(match event.type_ {
            EventType::Normal => "Normal".into(),
            EventType::Warning => "Warning".into(),
        }),
        event_time: Some(MicroTime(Timestamp::now())),
        reporting_instance: Some(instance.unwrap_or_else(|| controller.clone())),
        reporting_controller: Some(controller),
        regarding: Some(regarding),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Reason, condition};

    fn status(ready: bool, reason: Reason) -> MicroserviceStatus {
        let conditions =
            vec![condition(ConditionType::Ready, Some(ready), reason, "words", 1, Timestamp::UNIX_EPOCH)];
        MicroserviceStatus { conditions, ..MicroserviceStatus::default() }
    }

    fn reasons(old: &MicroserviceStatus, new: &MicroserviceStatus, changes: &[Change]) -> Vec<String> {
        events(old, new, changes, &[]).into_iter().map(|e| e.reason).collect()
    }

    #[test]
    fn the_longest_name_leaves_room_for_that_of_an_event() {
        let regarding = |length| ObjectReference { name: Some("n".repeat(length)), ..Default::default() };
        assert!(fits(&regarding(236)) && !fits(&regarding(237)));
        let status = status(true, Reason::AllReplicasReady);
        let events = events(&MicroserviceStatus::default(), &status, &[], &[]);
        let made = unnamed(&"operator".into(), &events[0], regarding(253));
        assert_eq!(made.regarding.unwrap(), regarding(253));
        // The API server takes no prefix that could not be a name with the letters that it appends.
        let prefix = made.metadata.generate_name.unwrap();
        assert!(prefix.len() <= 64 && prefix.ends_with('-'), "{prefix}");
    }

    #[test]
    fn nothing_new_is_no_event() {
        let same = status(true, Reason::AllReplicasReady);
        assert!(reasons(&same, &same, &[]).is_empty());
        assert!(reasons(&same, &status(false, Reason::RollingOut), &[]).is_empty());
    }

    #[test]
    fn what_a_later_generation_came_to_is_no_repetition() {
        let (ill, mut well) =
            (status(false, Reason::ImagePullFailed), status(true, Reason::AllReplicasReady));
        let first = events(&ill, &well, &[], &[]);
        well.observed_generation += 1;
        let second = events(&ill, &well, &[], &[]);
        assert_eq!(first[0].reason, second[0].reason);
        assert_ne!(first[0].action, second[0].action);
    }

    #[test]
    fn transitions_and_drift_are_told() {
        let (well, ill) = (status(true, Reason::AllReplicasReady), status(false, Reason::ImagePullFailed));
        assert_eq!(reasons(&well, &ill, &[]), ["ImagePullFailed"]);
        assert_eq!(reasons(&ill, &well, &[]), ["AllReplicasReady"]);
        let drift = Change { child: Child::Service, cause: Cause::Drifted("spec.ports".into()) };
        assert_eq!(reasons(&well, &well, &[drift]), ["DriftRepaired"]);
    }
}

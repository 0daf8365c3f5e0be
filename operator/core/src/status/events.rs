//! Events: few, with a bounded reason, and only when something changed.
//!
//! The recorder takes events of the same action, reason and object for repetitions and shows the
//! first one's note again. The generation in the action keeps apart what is not the same.

use crate::{
    api::{ConditionType, MicroserviceStatus, RolloutReason},
    model::Child,
    plan::{Change, WriteCause},
};

/// Longest note the API server takes is 1 KiB.
const NOTE: usize = 1000;

/// Something that is worth telling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Whether it is a warning.
    pub type_: EventType,
    /// Of a closed set.
    pub reason: String,
    /// What keeps it apart from others of its reason.
    pub action: String,
    /// In words.
    pub note: String,
}

/// How an event is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // Kubernetes' own names.
pub enum EventType {
    Normal,
    Warning,
}

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
            WriteCause::Drifted(path) => {
                events.push(event(
                    EventType::Warning,
                    "DriftRepaired",
                    &format!("Repair {kind}"),
                    &format!("{kind}: {path} was changed by somebody else and is set back"),
                ));
            }
            WriteCause::Adopted => events.push(event(
                EventType::Normal,
                "Adopted",
                &format!("Adopt {kind}"),
                &format!(
                    "{kind}: carried our labels and had no owner: it belongs to this Microservice again"
                ),
            )),
            WriteCause::Created | WriteCause::Updated => kinds.push(kind),
        }
    }
    if !kinds.is_empty() {
        events.push(event(EventType::Normal, "Applied", &format!("Apply@{generation}"), &kinds.join(", ")));
    }
    events.extend(pruned.iter().map(|child| {
        let note = format!("{} is not wanted any more", child.kind().name());
        event(EventType::Normal, "Pruned", "Prune", &note)
    }));
    events.extend(new_pods(old, new));
    events.extend(transition(old, new, ConditionType::Accepted));
    events.extend(transition(old, new, ConditionType::Ready));
    events
}

/// What causes new pods. The first ones need no cause.
fn new_pods(old: &MicroserviceStatus, new: &MicroserviceStatus) -> Option<Event> {
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
    Event { type_, reason: reason.into(), action: action.into(), note }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Reason, condition};
    use k8s_openapi::jiff::Timestamp;

    fn status(ready: bool, reason: Reason) -> MicroserviceStatus {
        let conditions =
            vec![condition(ConditionType::Ready, Some(ready), reason, "words", 1, Timestamp::UNIX_EPOCH)];
        MicroserviceStatus { conditions, ..MicroserviceStatus::default() }
    }

    fn reasons(old: &MicroserviceStatus, new: &MicroserviceStatus, changes: &[Change]) -> Vec<String> {
        events(old, new, changes, &[]).into_iter().map(|e| e.reason).collect()
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
        let drift = Change { child: Child::Service, cause: WriteCause::Drifted("spec.ports".into()) };
        assert_eq!(reasons(&well, &well, &[drift]), ["DriftRepaired"]);
    }
}

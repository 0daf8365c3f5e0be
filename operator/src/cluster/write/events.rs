use k8s_openapi::{
    api::core::v1::ObjectReference,
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
    jiff::Timestamp,
};
use kube::{
    Api, Resource,
    api::PostParams,
    runtime::events::{self, Reporter},
};
use operator_core::{
    api::Microservice,
    model::meta::child_name,
    status::{Event, EventType},
};

use super::writer::Writer;
use crate::process::refusal::namespace_is_ending;

/// Longest name of an object.
const MAX_NAME: usize = 253;

/// Publishes; a failure is logged and changes nothing else.
pub async fn publish(writer: &Writer, microservice: &Microservice, events: &[Event]) {
    for event in events {
        let regarding = microservice.object_ref(&());
        let published = if fits(&regarding) {
            writer.recorder.publish(&recorded(event), &regarding).await
        } else {
            publish_unnamed(writer, event, regarding).await
        };
        if let Err(error) = published
            && !namespace_is_ending(&error)
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "an event could not be published");
        }
    }
}

fn recorded(event: &Event) -> events::Event {
    let Event { type_, reason, action, note } = event.clone();
    let type_ = match type_ {
        EventType::Normal => events::EventType::Normal,
        EventType::Warning => events::EventType::Warning,
    };
    events::Event { type_, reason, action, note: Some(note), secondary: None }
}

/// Does the recorder find a name for an event of it? It takes the object's, and adds a dot and the time
/// in nanoseconds, of 16 digits.
fn fits(regarding: &ObjectReference) -> bool {
    regarding.name.as_ref().is_none_or(|name| name.len() + 17 <= MAX_NAME)
}

/// As the recorder does, but with a name of the API server's choice, and without looking for repetitions.
async fn publish_unnamed(writer: &Writer, event: &Event, regarding: ObjectReference) -> kube::Result<()> {
    let namespace = regarding.namespace.clone().unwrap_or_default();
    let api = Api::<k8s_openapi::api::events::v1::Event>::namespaced(writer.client.clone(), &namespace);
    api.create(&PostParams::default(), &unnamed(&writer.reporter, event, regarding)).await.map(drop)
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
        note: Some(event.note.clone()),
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

    #[test]
    fn the_longest_name_leaves_room_for_that_of_an_event() {
        let regarding = |length| ObjectReference { name: Some("n".repeat(length)), ..Default::default() };
        assert!(fits(&regarding(236)) && !fits(&regarding(237)));
        let event = Event {
            type_: EventType::Normal,
            reason: "AllReplicasReady".into(),
            action: "Ready@1".into(),
            note: "words".into(),
        };
        let made = unnamed(&"operator".into(), &event, regarding(253));
        assert_eq!(made.regarding.unwrap(), regarding(253));
        // The API server takes no prefix that could not be a name with the letters that it appends.
        let prefix = made.metadata.generate_name.unwrap();
        assert!(prefix.len() <= 64 && prefix.ends_with('-'), "{prefix}");
    }
}

//! The revisions of one Microservice, by their metadata alone.

use kube::{ResourceExt, core::DynamicObject};
use serde::{Deserialize, Serialize};

use crate::{
    api::RolloutReason,
    model::meta::{
        CONFIG_ANNOTATION, REVISION_CAUSE_ANNOTATION, REVISION_GENERATION_ANNOTATION,
        REVISION_NUMBER_ANNOTATION, REVISION_OUTCOME_ANNOTATION, REVISION_RENDERING_ANNOTATION,
        REVISION_SPEC_ANNOTATION,
    },
};

/// A cause of a rollout, and by which fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutCause(pub RolloutReason, pub Vec<String>);

const READY: &str = "Ready";
const FAILED: &str = "Failed: ";

/// What became of a revision's rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every replica ran it and answered.
    Ready,
    /// It was taken back, for this cause.
    Failed(String),
}

impl Outcome {
    /// As the annotation has it.
    pub fn text(&self) -> String {
        match self {
            Self::Ready => READY.into(),
            Self::Failed(words) => format!("{FAILED}{words}"),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix(FAILED) {
            Some(words) => Some(Self::Failed(words.into())),
            None => (text == READY).then_some(Self::Ready),
        }
    }
}

/// A ControllerRevision without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Of the object.
    pub name: String,
    /// A later one has a higher number.
    pub number: i64,
    /// The spec's generation that it was made of.
    pub generation: i64,
    /// Digest of the spec.
    pub spec: String,
    /// Digest of what was made of it.
    pub rendering: String,
    /// What would cause a rollout to it.
    pub cause: Option<RolloutCause>,
    /// None while its rollout is under way.
    pub outcome: Option<Outcome>,
    /// The ConfigMaps that pods of its template and of the last ones before it are started with; none if an
    /// earlier operator wrote it.
    pub configuration: Option<String>,
}

impl Revision {
    /// None for an object that is no revision of ours.
    pub fn of(object: &DynamicObject) -> Option<Self> {
        let text = |name: &str| object.annotations().get(name).map(String::as_str);
        Some(Self {
            name: object.name_any(),
            number: text(REVISION_NUMBER_ANNOTATION)?.parse().ok()?,
            generation: text(REVISION_GENERATION_ANNOTATION)?.parse().ok()?,
            spec: text(REVISION_SPEC_ANNOTATION)?.into(),
            rendering: text(REVISION_RENDERING_ANNOTATION)?.into(),
            cause: text(REVISION_CAUSE_ANNOTATION).and_then(|cause| serde_json::from_str(cause).ok()),
            outcome: text(REVISION_OUTCOME_ANNOTATION).and_then(Outcome::parse),
            configuration: text(CONFIG_ANNOTATION).map(ToOwned::to_owned),
        })
    }

    /// Was it taken back?
    pub fn is_failed(&self) -> bool {
        matches!(self.outcome, Some(Outcome::Failed(_)))
    }
}

/// All revisions of one Microservice, the last one last.
#[derive(Clone, Debug, Default)]
pub struct History(Vec<Revision>);

impl History {
    /// Out of the objects that the Microservice owns.
    pub fn of(objects: &[DynamicObject]) -> Self {
        let mut revisions: Vec<_> = objects.iter().filter_map(Revision::of).collect();
        revisions.sort_by_key(|revision| (revision.number, revision.generation));
        Self(revisions)
    }

    /// The last.
    pub fn last(&self) -> Option<&Revision> {
        self.0.last()
    }

    /// The last that became ready.
    pub fn good(&self) -> Option<&Revision> {
        self.0.iter().rev().find(|revision| revision.outcome == Some(Outcome::Ready))
    }

    /// What the pods were made of: the last, or the last good one where that was taken back.
    pub fn base(&self) -> Option<&Revision> {
        self.last().filter(|last| !last.is_failed()).or_else(|| self.good())
    }

    /// The number of the next.
    pub fn next_number(&self) -> i64 {
        self.last().map_or(1, |last| last.number + 1)
    }

    /// What nobody needs any more, where `last` is the last: nothing if that one could not be written.
    pub fn superseded(&self, last: &str) -> impl Iterator<Item = &Revision> {
        let good = self.good().map(|good| good.name.clone());
        let is_written = self.find(last).is_some();
        let is_needed = move |r: &&Revision, last: &str| r.name == last || Some(&r.name) == good.as_ref();
        self.0.iter().filter(move |revision| is_written && !is_needed(revision, last))
    }

    /// Each of them.
    pub fn revisions(&self) -> impl Iterator<Item = &Revision> {
        self.0.iter()
    }

    /// The revision of this name.
    pub fn find(&self, name: &str) -> Option<&Revision> {
        self.0.iter().find(|revision| revision.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(number: i64, outcome: Option<&str>) -> DynamicObject {
        let mut annotations = json!({
            REVISION_NUMBER_ANNOTATION: number.to_string(), REVISION_GENERATION_ANNOTATION: number.to_string(),
            REVISION_SPEC_ANNOTATION: "s", REVISION_RENDERING_ANNOTATION: "r",
        });
        if let Some(outcome) = outcome {
            annotations[REVISION_OUTCOME_ANNOTATION] = outcome.into();
        }
        let metadata = json!({"metadata": {"name": format!("r{number}"), "annotations": annotations}});
        serde_json::from_value(metadata).unwrap()
    }

    fn names<'a>(revisions: impl Iterator<Item = &'a Revision>) -> Vec<&'a str> {
        revisions.map(|r| r.name.as_str()).collect()
    }

    #[test]
    fn the_last_and_the_last_good_one_are_kept() {
        let history = History::of(&[object(3, None), object(1, Some("Ready")), object(2, Some("Ready"))]);
        assert_eq!(history.last().unwrap().name, "r3");
        assert_eq!(history.good().unwrap().name, "r2");
        assert_eq!(names(history.superseded("r3")), ["r1"]);
        assert_eq!(names(history.superseded("r2")), ["r1", "r3"]);
        assert!(names(history.superseded("r4")).is_empty(), "what replaces them could not be written");
        assert_eq!(history.next_number(), 4);
    }

    #[test]
    fn what_was_taken_back_is_nothing_to_start_from() {
        let history = History::of(&[object(1, Some("Ready")), object(2, Some("Failed: no such image"))]);
        assert_eq!(history.last().unwrap().outcome, Some(Outcome::Failed("no such image".into())));
        assert_eq!(history.base().unwrap().name, "r1");
    }

    #[test]
    fn an_object_without_our_marks_is_no_revision() {
        let mut foreign = object(1, None);
        foreign.metadata.annotations = None;
        assert!(History::of(&[foreign]).last().is_none());
    }
}

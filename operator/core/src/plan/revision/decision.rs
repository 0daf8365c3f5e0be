use crate::{model::meta::digest, observed::RolloutCause};

/// What was decided about the pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RolloutDecision {
    /// The pods are those of an older spec.
    pub rolled_back: Option<RolledBack>,
    /// The version of another operator that rendered the pods, where this one would make others.
    pub pinned_by: Option<String>,
    /// Digest of the pod template.
    pub template: String,
    /// The versions of what the spec names, as the pod template has them.
    pub references: Option<String>,
    /// What would cause a rollout: of the spec or of the operator.
    pub cause: Option<RolloutCause>,
    /// The spec's generation.
    pub generation: i64,
}

/// A rollout that was taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolledBack {
    /// The spec's generation that failed.
    pub failed: i64,
    /// The one that runs.
    pub to: i64,
    /// Why it failed.
    pub words: String,
}

impl RolloutDecision {
    /// Digest of what the pods are made of.
    pub(crate) fn pods(&self) -> String {
        let references = self.references.as_deref().unwrap_or_default();
        digest(format!("{} {references}", self.template).as_bytes())
    }
}

impl RolledBack {
    /// For people.
    pub fn message(&self) -> String {
        let Self { failed, to, words } = self;
        format!(
            "generation {failed} did not become ready and generation {to} runs again: {words}; change the spec to try again"
        )
    }
}

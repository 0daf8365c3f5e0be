use std::{collections::BTreeMap, sync::Arc};

use kube::core::DynamicObject;

use super::revision::RolloutDecision;
use crate::{
    model::{Child, Error},
    observed::Observed,
};

/// What became of the children.
#[derive(Debug, Default)]
pub struct Applied {
    /// As the API server has them now.
    pub objects: BTreeMap<Child, Arc<DynamicObject>>,
    /// What was written.
    pub changes: Vec<Change>,
    /// What was deleted because it is not wanted any more.
    pub pruned: Vec<Child>,
    /// What could not be written; the rest was done all the same.
    pub failures: Vec<Error>,
    /// Which rendering of which spec was applied, and why.
    pub decision: RolloutDecision,
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What was written.
    pub child: Child,
    /// Why.
    pub cause: WriteCause,
}

/// Why an object was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteCause {
    /// It was not there.
    Created,
    /// It carried our labels and had lost its owner.
    Adopted,
    /// We want something else than before.
    Updated,
    /// Somebody changed what is ours; the path of the first such field.
    Drifted(String),
}

impl Applied {
    /// Nothing is applied: what is ours stays as it is.
    pub fn nothing(observed: &Observed) -> Self {
        let ours =
            observed.children.keys().filter_map(|child| Some((*child, observed.ours(*child)?.clone())));
        Self { objects: ours.collect(), ..Self::default() }
    }
}

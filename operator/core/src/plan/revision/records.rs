use std::collections::BTreeMap;

use super::record::Record;
use crate::observed::Revision;

/// The contents of revisions, as far as they were read; none is one that is gone, or of a form that this
/// operator does not know.
#[derive(Debug, Default)]
pub struct Records(BTreeMap<String, Option<Record>>);

/// The revision of this name has to be read before anything can be decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread(pub String);

impl Records {
    /// Takes in what was read.
    pub fn insert(&mut self, name: String, record: Option<Record>) {
        self.0.insert(name, record);
    }

    pub(super) fn of(&self, revision: &Revision) -> Result<Option<&Record>, Unread> {
        self.0.get(&revision.name).map(Option::as_ref).ok_or_else(|| Unread(revision.name.clone()))
    }
}

use std::borrow::Cow;

use super::{
    decision::{RolledBack, RolloutDecision},
    difference::difference,
    record::{Record, is_same_spec, recorded, spec_digest, with_number_of},
    records::{Records, Unread},
};
use crate::{
    api::{Microservice, RolloutReason},
    observed::{History, Outcome, RolloutCause},
};

/// The Microservice with the spec that is applied.
#[derive(Debug)]
pub struct EffectiveSpec<'a> {
    /// With the user's spec, or the last good one where that failed.
    pub microservice: Cow<'a, Microservice>,
    /// What is applied instead of this operator's rendering.
    pub(super) rolled_back: Option<(RolloutDecision, Record)>,
}

/// Which spec is applied.
pub fn effective_spec<'a>(
    microservice: &'a Microservice,
    history: &History,
    records: &Records,
) -> Result<EffectiveSpec<'a>, Unread> {
    let users = EffectiveSpec { microservice: Cow::Borrowed(microservice), rolled_back: None };
    let (Some(last), Some(good)) = (history.last(), history.good()) else { return Ok(users) };
    let Some(Outcome::Failed(words)) = &last.outcome else { return Ok(users) };
    let spec = recorded(&microservice.spec);
    if last.spec != spec_digest(&spec) {
        let failed = records.of(last)?;
        if !failed.is_some_and(|failed| is_same_spec(failed, &spec)) {
            return Ok(users);
        }
    }
    let Some(record) = records.of(good)? else { return Ok(users) };
    let Some(spec) = with_number_of(&record.spec, &microservice.spec) else { return Ok(users) };
    let changed = difference("spec", &recorded(&microservice.spec), &record.spec);
    let decision = RolloutDecision {
        rolled_back: Some(RolledBack { failed: last.generation, to: good.generation, words: words.clone() }),
        cause: Some(RolloutCause(RolloutReason::RolledBack, changed)),
        ..RolloutDecision::default()
    };
    Ok(EffectiveSpec {
        microservice: Cow::Owned(Microservice { spec, ..microservice.clone() }),
        rolled_back: Some((decision, record.clone())),
    })
}

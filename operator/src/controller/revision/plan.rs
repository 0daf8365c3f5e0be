//! What is applied: this operator's rendering of the spec, or one that was recorded. The decisions
//! are pure; records are read only where they are needed for one.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::{Value, json};

use super::{
    course::{Course, RolledBack, Why},
    difference::difference,
    history::{History, Outcome, Revision},
    record::{self, New, Record, Rendering, recorded, spec_digest},
};
use crate::{
    api::{Microservice, RolloutReason, UpgradePolicy},
    build::{
        Child, SERVICE_CONTAINER, build,
        meta::{TEMPLATE_ANNOTATION, digest},
    },
    controller::{
        context::Context,
        error::Error,
        observe::Observed,
        validate::{Validated, validate},
    },
};

/// The version that goes into records, for people.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The Microservice with the spec that is applied.
#[derive(Debug)]
pub struct InForce<'a> {
    /// With the user's spec, or the last good one where that failed.
    pub microservice: Cow<'a, Microservice>,
    /// What is applied instead of this operator's rendering.
    rolled_back: Option<(Course, Record)>,
}

/// Which spec is applied.
pub async fn in_force<'a>(
    microservice: &'a Microservice,
    history: &History,
    context: &Context,
) -> Result<InForce<'a>, Error> {
    let users = InForce { microservice: Cow::Borrowed(microservice), rolled_back: None };
    let (Some(last), Some(good)) = (history.last(), history.good()) else { return Ok(users) };
    let Some(Outcome::Failed(words)) = &last.outcome else { return Ok(users) };
    let namespace = microservice.metadata.namespace.as_deref().unwrap_or_default();
    let spec = recorded(&microservice.spec);
    if last.spec != spec_digest(&spec) {
        let failed = record::read(context, namespace, last).await?;
        if !failed.is_some_and(|failed| record::is_same_spec(&failed, &spec)) {
            return Ok(users);
        }
    }
    let Some(record) = record::read(context, namespace, good).await? else { return Ok(users) };
    let Some(spec) = record::with_number_of(&record.spec, &microservice.spec) else { return Ok(users) };
    let course = Course {
        rolled_back: Some(RolledBack { failed: last.generation, to: good.generation, words: words.clone() }),
        why: Some((
            RolloutReason::RolledBack,
            difference("spec", &recorded(&microservice.spec), &record.spec),
        )),
        ..Course::default()
    };
    Ok(InForce {
        microservice: Cow::Owned(Microservice { spec, ..microservice.clone() }),
        rolled_back: Some((course, record)),
    })
}

/// What is applied.
#[derive(Debug)]
pub struct Plan {
    /// The children.
    pub desired: Vec<(Child, Value)>,
    /// What was decided about the pods.
    pub course: Course,
    /// The service's image.
    pub image: String,
    /// The revision that keeps it.
    pub last: String,
    /// Is to be written before anything is applied.
    pub new: Option<New>,
}

/// Decides between this operator's rendering and the recorded one.
pub async fn plan(
    in_force: &InForce<'_>,
    validated: &Validated,
    history: &History,
    context: &Context,
) -> Result<Plan, Error> {
    let mut desired = build(validated);
    let fresh = Rendering::of(&desired);
    let spec = recorded(&validated.spec);
    let generation = in_force.microservice.metadata.generation.unwrap_or_default();
    let number = history.next_number();
    let decision = match (&in_force.rolled_back, history.last(), history.base()) {
        (Some((course, record)), Some(last), _) => Decision {
            rendering: record.rendering.clone(),
            record: record.clone(),
            course: course.clone(),
            last: Some(last.name.clone()),
        },
        (_, _, Some(base)) => {
            let is_same = base.spec == spec_digest(&spec);
            if is_same && base.rendering == fresh.digest() {
                let decision = Decision::fresh(fresh, spec, base.why.clone());
                Decision { last: Some(base.name.clone()), ..decision }
            } else {
                against(base, is_same, fresh, spec, validated, context).await?
            }
        }
        _ => Decision::fresh(fresh, spec, None),
    };
    let Decision { rendering, record, course, last } = decision;
    let mut new = None;
    let last = last.unwrap_or_else(|| {
        let written = New { record, number, generation, why: course.why.clone() };
        let name = written.name(validated);
        new = Some(written);
        name
    });
    let image = rendering.image(SERVICE_CONTAINER).unwrap_or(&validated.image).to_owned();
    rendering.put(&mut desired);
    let course = Course { template: mark(&mut desired), generation, ..course };
    Ok(Plan { desired, course, image, last, new })
}

async fn against(
    base: &Revision,
    is_same: bool,
    fresh: Rendering,
    spec: Value,
    validated: &Validated,
    context: &Context,
) -> Result<Decision, Error> {
    let Some(record) = record::read(context, &validated.namespace, base).await? else {
        return Ok(Decision::fresh(fresh, spec, None));
    };
    if validated.rolls_out_resources {
        let fields = difference("template", &record.rendering.template, &fresh.template);
        return Ok(Decision::fresh(fresh, spec, Some((RolloutReason::SpecChanged, fields))));
    }
    let then = if is_same { Some(fresh.clone()) } else { render_anew(&record, validated, context) };
    let mut decision = decide(validated.spec.upgrade_policy, &record, fresh, spec, then.as_ref());
    if is_same && decision.course.pinned_by.is_some() {
        decision.last = Some(base.name.clone());
    }
    Ok(decision)
}

/// What this operator makes of the recorded spec; none if it does not understand it.
fn render_anew(record: &Record, validated: &Validated, context: &Context) -> Option<Rendering> {
    let spec = serde_json::from_value(record.spec.clone()).ok()?;
    let mut then = Microservice::new(&validated.name, spec);
    then.metadata.namespace = Some(validated.namespace.clone());
    then.metadata.uid = Some(validated.owner.uid.clone());
    let validated = validate(&then, &Observed::default(), &context.settings).ok()?;
    Some(Rendering::of(&build(&validated)))
}

/// One outcome of deciding.
#[derive(Debug)]
struct Decision {
    rendering: Rendering,
    /// To be written, if there is no revision that keeps it.
    record: Record,
    course: Course,
    /// The revision that keeps it.
    last: Option<String>,
}

impl Decision {
    fn fresh(rendering: Rendering, spec: Value, why: Option<Why>) -> Self {
        let course = Course { why, ..Course::default() };
        let record = Record { operator: VERSION.into(), spec, rendering: rendering.clone() };
        Self { rendering, record, course, last: None }
    }
}

/// `then` is what this operator makes of the recorded spec.
fn decide(
    policy: UpgradePolicy,
    record: &Record,
    fresh: Rendering,
    spec: Value,
    then: Option<&Rendering>,
) -> Decision {
    let changed = || Some((RolloutReason::SpecChanged, difference("spec", &record.spec, &spec)));
    let Some(then) = then else {
        let why = changed();
        return Decision::fresh(fresh, spec, why);
    };
    // The user's change, if there is one, takes new pods whatever operator renders them.
    if *then == record.rendering || then.template != fresh.template {
        let why = changed();
        return Decision::fresh(fresh, spec, why);
    }
    if policy == UpgradePolicy::Auto {
        let fields = difference("template", &record.rendering.template, &fresh.template);
        return Decision::fresh(fresh, spec, Some((RolloutReason::OperatorUpgraded, fields)));
    }
    let rendering = Rendering {
        template: record.rendering.template.clone(),
        config: merge(&record.rendering, then, &fresh),
    };
    let course = Course { pinned_by: Some(record.operator.clone()), why: changed(), ..Course::default() };
    let record = Record { operator: record.operator.clone(), spec, rendering: rendering.clone() };
    Decision { rendering, record, course, last: None }
}

/// The recorded configuration with the user's changes since: those files that this operator makes
/// otherwise of the new spec than of the recorded one.
fn merge(record: &Rendering, then: &Rendering, fresh: &Rendering) -> BTreeMap<String, String> {
    let kept = record.config.iter().filter(|(key, _)| match fresh.config.get(*key) {
        Some(fresh) => then.config.get(*key) == Some(fresh),
        None => !then.config.contains_key(*key),
    });
    let changed = fresh.config.iter().filter(|(key, fresh)| then.config.get(*key) != Some(fresh));
    let same = fresh.config.iter().filter(|(key, _)| !record.config.contains_key(*key));
    same.chain(kept).chain(changed).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Marks the Deployment with the digest of its pod template, by which a rollout is told.
fn mark(desired: &mut [(Child, Value)]) -> String {
    let Some((_, body)) = desired.iter_mut().find(|(child, _)| *child == Child::Deployment) else {
        return String::new();
    };
    let digest = digest(body["spec"]["template"].to_string().as_bytes());
    body["metadata"]["annotations"][TEMPLATE_ANNOTATION] = json!(digest);
    digest
}

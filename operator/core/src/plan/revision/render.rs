//! What is applied: this operator's rendering of the spec, or one that was recorded.

use kube::ResourceExt;
use serde_json::Value;

use super::{
    decision::RolloutDecision,
    difference::difference,
    effective::EffectiveSpec,
    record::{New, Record, Rendering, recorded, spec_digest},
    records::{Records, Unread},
};
use crate::{
    api::{Microservice, RolloutReason, UpgradePolicy},
    manifests::{Children, SERVICE_CONTAINER, build, keep_earlier},
    model::{
        Child, ResolvedMicroservice, Settings,
        meta::{TEMPLATE_ANNOTATION, digest},
        object::part,
    },
    observed::{History, Observed, Revision, RolloutCause},
    plan::{
        configuration::{needed, noted, own},
        references, validate,
    },
};

/// The version that goes into records, for people.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What is applied.
#[derive(Debug)]
pub struct Plan {
    /// The children.
    pub children: Children,
    /// The immutable ConfigMaps that their pods are started with.
    pub configuration: String,
    /// What was decided about the pods.
    pub decision: RolloutDecision,
    /// The service's image.
    pub image: String,
    /// The revision that keeps it.
    pub last: String,
    /// Is to be written before anything is applied.
    pub new: Option<New>,
}

/// Decides between this operator's rendering and the recorded one.
pub fn plan(
    effective: &EffectiveSpec<'_>,
    resolved: &ResolvedMicroservice,
    observed: &Observed,
    history: &History,
    records: &Records,
    settings: &Settings,
) -> Result<Plan, Unread> {
    let mut children = build(resolved);
    let fresh = Rendering::of(&children);
    let spec = recorded(&resolved.spec);
    let generation = effective.microservice.metadata.generation.unwrap_or_default();
    let number = history.next_number();
    let choice = match (&effective.rolled_back, history.last(), history.base()) {
        (Some((decision, record)), Some(last), _) => Choice {
            rendering: record.rendering.clone(),
            record: record.clone(),
            decision: decision.clone(),
            last: Some(last.name.clone()),
        },
        (_, _, Some(base)) => {
            let is_same = base.spec == spec_digest(&spec);
            if is_same && base.rendering == fresh.digest() {
                let choice = Choice::fresh(fresh, spec, base.cause.clone());
                Choice { last: Some(base.name.clone()), ..choice }
            } else {
                let record = records.of(base)?;
                against(base, record, is_same, fresh, spec, resolved, settings)
            }
        }
        _ => Choice::fresh(fresh, spec, None),
    };
    let Choice { rendering, record, decision, last } = choice;
    let image = rendering.image(SERVICE_CONTAINER).unwrap_or(&resolved.image).to_owned();
    let earlier = rendering.earlier.clone();
    rendering.put(&mut children);
    let configuration = own(&children, &resolved.child_name);
    let mut new = None;
    let last = last.unwrap_or_else(|| {
        let before = history.last().and_then(|last| last.configuration.as_deref());
        let revision_history = resolved.spec.rollout.revision_history;
        let configuration = noted(&configuration, before, &resolved.child_name, revision_history);
        let written = New { record, number, generation, cause: decision.cause.clone(), configuration };
        let name = written.name(resolved);
        new = Some(written);
        name
    });
    if needed(&configuration, &resolved.child_name, observed, history).contains(&resolved.child_name) {
        let live = || part(observed.ours(Child::ConfigMap)?, "/data");
        let files = Some(earlier).filter(|files| !files.is_empty()).or_else(live);
        keep_earlier(&mut children.config_map, files.unwrap_or_default(), resolved);
    }
    let template = mark(&mut children);
    let (policy, live) = (resolved.spec.reference_change, observed.ours(Child::Deployment));
    let live = live.map(|live| &**live);
    let is_same = live.is_some_and(|live| live.annotations().get(TEMPLATE_ANNOTATION) == Some(&template));
    let references = references::mark(&mut children, &observed.references, policy, live, is_same);
    let decision = RolloutDecision { template, references, generation, ..decision };
    Ok(Plan { children, configuration, decision, image, last, new })
}

fn against(
    base: &Revision,
    record: Option<&Record>,
    is_same: bool,
    fresh: Rendering,
    spec: Value,
    resolved: &ResolvedMicroservice,
    settings: &Settings,
) -> Choice {
    let Some(record) = record else { return Choice::fresh(fresh, spec, None) };
    if resolved.rolls_out_resources {
        let fields = difference("template", &record.rendering.template, &fresh.template);
        return Choice::fresh(fresh, spec, Some(RolloutCause(RolloutReason::SpecChanged, fields)));
    }
    let then = if is_same { Some(fresh.clone()) } else { render_anew(record, resolved, settings) };
    let mut choice = choose(resolved.spec.upgrade_policy, record, fresh, spec, then.as_ref());
    if is_same && choice.decision.pinned_by.is_some() {
        choice.last = Some(base.name.clone());
    }
    choice
}

/// What this operator makes of the recorded spec; none if it does not understand it.
fn render_anew(record: &Record, resolved: &ResolvedMicroservice, settings: &Settings) -> Option<Rendering> {
    let spec = serde_json::from_value(record.spec.clone()).ok()?;
    let mut then = Microservice::new(&resolved.name, spec);
    then.metadata.namespace = Some(resolved.namespace.clone());
    then.metadata.uid = Some(resolved.owner.uid.clone());
    let resolved = validate(&then, &Observed::default(), settings).ok()?;
    Some(Rendering::of(&build(&resolved)))
}

/// One of the renderings that there are.
#[derive(Debug)]
struct Choice {
    rendering: Rendering,
    /// To be written, if there is no revision that keeps it.
    record: Record,
    decision: RolloutDecision,
    /// The revision that keeps it.
    last: Option<String>,
}

impl Choice {
    fn fresh(rendering: Rendering, spec: Value, cause: Option<RolloutCause>) -> Self {
        let decision = RolloutDecision { cause, ..RolloutDecision::default() };
        let record = Record { operator: VERSION.into(), spec, rendering: rendering.clone() };
        Self { rendering, record, decision, last: None }
    }
}

/// `then` is what this operator makes of the recorded spec.
fn choose(
    policy: UpgradePolicy,
    record: &Record,
    fresh: Rendering,
    spec: Value,
    then: Option<&Rendering>,
) -> Choice {
    let changed = || Some(RolloutCause(RolloutReason::SpecChanged, difference("spec", &record.spec, &spec)));
    let Some(then) = then else {
        let cause = changed();
        return Choice::fresh(fresh, spec, cause);
    };
    // The user's change, if there is one, takes new pods whatever operator renders them.
    if *then == record.rendering || then.template != fresh.template {
        let cause = changed();
        return Choice::fresh(fresh, spec, cause);
    }
    if policy == UpgradePolicy::Auto {
        let fields = difference("template", &record.rendering.template, &fresh.template);
        return Choice::fresh(fresh, spec, Some(RolloutCause(RolloutReason::OperatorUpgraded, fields)));
    }
    let decision = RolloutDecision {
        pinned_by: Some(record.operator.clone()),
        cause: changed(),
        ..RolloutDecision::default()
    };
    let record = Record { spec, ..record.clone() };
    Choice { rendering: record.rendering.clone(), record, decision, last: None }
}

/// Marks the Deployment with the digest of its pod template, by which a rollout is told.
fn mark(children: &mut Children) -> String {
    let digest = digest(children.pod_template.to_string().as_bytes());
    children.annotate_deployment(TEMPLATE_ANNOTATION, digest.clone());
    digest
}

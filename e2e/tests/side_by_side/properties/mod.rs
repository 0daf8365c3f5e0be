//! What holds for every valid spec, and for every bad one.

#![allow(clippy::unwrap_used)]

mod ownership;
mod rules;
mod strategy;

use std::collections::{BTreeMap, BTreeSet};

use super::invalid_spec::refused;
use anyhow::{Context, Result, bail, ensure};
use e2e::Case;
use futures::{StreamExt, TryStreamExt, stream};
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use operator_core::{
    api::{Microservice, MicroserviceSpec},
    manifests::{Children, build},
    model::{Child, Settings, meta::MANAGER},
    observed::Observed,
    plan::{additions::additions, drift::first_drift, validate},
};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, TestCaseError, TestRunner},
};
use rules::{Rules, paths, paths_of};
use serde_json::{Value, json};

/// Specs that the API server is asked about.
const ASKED: usize = 2_000;
/// At a time.
const PARALLEL: usize = 8;

/// peers: jaeger-operator#2370, cryostat-operator#1301, opendatahub#746 (the selector is minimal), tailscale#18895
#[test]
fn every_valid_spec_keeps_our_promises() {
    let config = Config { cases: 500, failure_persistence: None, ..Config::default() };
    let rules = Rules::new();
    let promises = |spec: Value| {
        keeps_promises(&rules, &spec).map_err(|error| TestCaseError::fail(format!("{error:#}")))
    };
    TestRunner::new(config).run(&strategy::spec(), promises).unwrap();
}

fn keeps_promises(rules: &Rules, spec: &Value) -> Result<()> {
    let wrong = rules.check(spec);
    ensure!(wrong.is_empty(), "{wrong:?}");
    let once: MicroserviceSpec = serde_json::from_value(spec.clone())?;
    let again: MicroserviceSpec = serde_json::from_value(serde_json::to_value(&once)?)?;
    ensure!(once == again, "defaults are not idempotent");

    let objects = children(&"x".repeat(253), spec)?;
    ensure!(objects == children(&"x".repeat(253), spec)?, "the same spec, other objects");
    for (child, object) in &objects {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let short = matches!(child, Child::Deployment | Child::Service | Child::Metrics);
        ensure!(!short || name.len() <= 63, "{child:?} is named {name}");
    }
    let deployment = &objects[&Child::Deployment]["spec"];
    let labels = &deployment["template"]["metadata"]["labels"];
    for selector in [&deployment["selector"]["matchLabels"], &objects[&Child::Service]["spec"]["selector"]] {
        let selector = selector.as_object().context("no selector")?;
        ensure!(selector.len() == 1, "the selector is minimal: {selector:?}");
        ensure!(selector.iter().all(|(key, value)| labels[key] == *value), "{selector:?} is not in {labels}");
    }
    Ok(())
}

/// What a Microservice becomes, but for the immutable ConfigMaps.
fn children(name: &str, spec: &Value) -> Result<BTreeMap<Child, Value>> {
    Ok(built(name, spec)?.into_objects().into_iter().collect())
}

/// With the immutable ConfigMaps.
fn all(name: &str, spec: &Value) -> Result<Vec<(Child, Value)>> {
    let built = built(name, spec)?;
    let immutable: Vec<_> = built.immutable().map(|map| (Child::ConfigMap, json!(map))).collect();
    Ok(immutable.into_iter().chain(built.into_objects()).collect())
}

fn built(name: &str, spec: &Value) -> Result<Children> {
    let mut microservice = Microservice::new(name, serde_json::from_value(spec.clone())?);
    microservice.metadata.namespace = Some("default".into());
    microservice.metadata.uid = Some("11111111-2222-3333-4444-555555555555".into());
    let settings = Settings {
        service_image: "service:1".into(),
        proxy_image: "nginx:1".into(),
        statsd_image: "statsd:1".into(),
        ..Settings::default()
    };
    match validate(&microservice, &Observed::default(), &settings) {
        Ok(resolved) => Ok(build(&resolved)),
        Err(rejection) => bail!("{rejection:?}"),
    }
}

#[test]
fn every_field_is_tried() {
    let mut runner = TestRunner::deterministic();
    let mut tried = BTreeSet::new();
    for _ in 0..500 {
        paths_of(&strategy::spec().new_tree(&mut runner).unwrap().current(), "", &mut tried);
    }
    let missing: Vec<_> = paths(Rules::new().spec(), strategy::OPAQUE)
        .into_iter()
        .filter(|path| !tried.contains(path))
        .collect();
    assert!(missing.is_empty(), "tell strategy.rs how to make {missing:?}");
}

#[test]
fn what_the_api_server_refuses_is_refused_without_one_too() {
    let rules = Rules::new();
    let rows = refused::all();
    assert!(rows.len() >= 30);
    let let_through: Vec<_> = rows.into_iter().filter(|(spec, _)| rules.check(spec).is_empty()).collect();
    assert!(let_through.is_empty(), "{let_through:#?}");
}

/// peers: NVIDIA/gpu-operator#2795, numaflow#3585, argo-cd#17643 (the API server adds nothing to what is written)
#[tokio::test]
#[ignore = "needs a cluster"]
async fn the_api_server_accepts_every_valid_spec_and_what_it_becomes() -> Result<()> {
    e2e::run("generated", async |case| {
        let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
        let specs: Vec<_> = (0..ASKED)
            .map(|_| Ok(strategy::spec().new_tree(&mut runner).map_err(anyhow::Error::msg)?.current()))
            .collect::<Result<_>>()?;
        stream::iter(specs)
            .map(|spec| async move { accepted(case, &spec).await.with_context(|| spec.to_string()) })
            .buffer_unordered(PARALLEL)
            .try_collect::<()>()
            .await
    })
    .await
}

/// Asks the API server about the Microservice and all its children, without a trace.
async fn accepted(case: &Case, spec: &Value) -> Result<()> {
    let object: Microservice = serde_json::from_value(json!({
        "apiVersion": "microservice.dev/v1alpha1", "kind": "Microservice",
        "metadata": { "name": "generated" }, "spec": spec,
    }))?;
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    let defaulted = case.api::<Microservice>().create(&dry_run, &object).await?;
    ensure!(defaulted.spec == object.spec, "the API server has other defaults than we: {:?}", defaulted.spec);
    for (child, mut body) in all("generated", spec)? {
        // alone/gateway_crd.rs asks for it: its definition is not always there.
        if child == Child::HttpRoute {
            continue;
        }
        body["metadata"]["namespace"] = json!(case.namespace);
        let api = Api::<DynamicObject>::namespaced_with(
            case.client.clone(),
            &case.namespace,
            &child.kind().resource(),
        );
        let dry_run = PatchParams { dry_run: true, ..PatchParams::apply(MANAGER).force() };
        let name = body["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let live = api
            .patch(&name, &dry_run, &Patch::Apply(&body))
            .await
            .with_context(|| format!("{child:?}: {body}"))?;
        let (drift, added) = (first_drift(&body, &live), additions(child.kind(), &body, &live));
        ensure!(drift.is_none() && added.is_empty(), "{child:?}: not at rest: {drift:?} {added:?}: {body}");
    }
    Ok(())
}

//! The Gateway API comes, goes and comes again while the operator runs.
//!
//! peers: opentelemetry-operator#4361, arkmq-broker-operator#1409, shinyproxy-operator#70
//!
//! The test installs the real definition of HTTPRoute and deletes it in the end, also when it fails.

use anyhow::Result;
use e2e::{Case, HTTP_ROUTES, status, wait};
use kube::{
    ResourceExt,
    api::{DynamicObject, Patch, PatchParams},
};
use operator_core::{api::Microservice, model::Kind};
use serde_json::json;

#[tokio::test]
#[ignore = "needs a cluster"]
async fn routes_come_with_their_crd() -> Result<()> {
    e2e::run_alone("gateway-crd", async |case| {
        let operator = case.operator().await?;
        let routed = json!({
            "replicas": 0,
            "expose": { "httpRoute": {
                "parentRefs": [{ "name": "edge", "namespace": "infra" }],
                "hostnames": ["shop.example.com"],
                "path": "/shop",
            }},
        });
        case.apply_ready("shop", routed).await?;
        warned(case, Some("install the Gateway API")).await?;

        case.with_http_routes(async || with_the_crd(case).await).await?;
        let shop = warned(case, Some("install the Gateway API")).await?;
        assert_eq!(status(&shop, "Ready"), "True", "the rest works");
        // Changes are worked on as ever.
        case.apply_ready("other", json!({ "replicas": 0 })).await?;
        operator.ensure_not_restarted().await
    })
    .await
}

async fn with_the_crd(case: &Case) -> Result<()> {
    let first = route(case).await?;
    let spec = &first.data["spec"];
    assert_eq!(spec["parentRefs"][0]["name"], "edge", "{spec}");
    assert_eq!(spec["hostnames"], json!(["shop.example.com"]), "{spec}");
    assert_eq!(spec["rules"][0]["backendRefs"][0]["name"], "shop", "{spec}");
    warned(case, Some("no controller has answered for Gateway infra/edge yet")).await?;

    answer(case, "False", "NotAllowedByListeners", "no listener takes routes of this namespace").await?;
    warned(case, Some("NotAllowedByListeners: no listener takes routes of this namespace")).await?;
    answer(case, "True", "Accepted", "").await?;
    warned(case, None).await?;

    case.delete_definition(HTTP_ROUTES).await?;
    warned(case, Some("install the Gateway API")).await?;
    case.install_http_routes().await?;
    let second = route(case).await?;
    assert_ne!(second.uid(), first.uid());
    // What the API server fills in is no drift.
    let events = case.kubectl().run(&["get", "events", "-o", "jsonpath={.items[*].reason}"]).await?;
    assert!(!events.contains("DriftRepaired"), "{events}");

    // Off while it is there: the route is removed.
    case.apply("shop", json!({ "replicas": 0 })).await?;
    let routes = case.dynamic(&Kind::HttpRoute.resource());
    wait::object(&routes, "shop", "to be gone", wait::SHORT, |found| found.is_none()).await?;
    warned(case, None).await?;
    let again = json!({ "replicas": 0, "expose": { "httpRoute": { "parentRefs": [{ "name": "edge" }] } } });
    case.apply("shop", again).await?;
    route(case).await?;
    Ok(())
}

async fn route(case: &Case) -> Result<DynamicObject> {
    let routes = case.dynamic(&Kind::HttpRoute.resource());
    wait::found(&routes, "shop", "its HTTPRoute", wait::LONG, |_| true).await
}

/// What a Gateway's controller would say of the route.
async fn answer(case: &Case, status: &str, reason: &str, message: &str) -> Result<()> {
    let route = route(case).await?;
    let status = json!({ "status": { "parents": [{
        "parentRef": { "name": "edge", "namespace": "infra" },
        "controllerName": "example.com/e2e",
        "conditions": [{
            "type": "Accepted",
            "status": status,
            "reason": reason,
            "message": message,
            "observedGeneration": route.metadata.generation,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }],
    }]}});
    let routes = case.dynamic(&Kind::HttpRoute.resource());
    routes.patch_status("shop", &PatchParams::default(), &Patch::Merge(status)).await?;
    Ok(())
}

/// Waits until the route's warning has these words, or until there is none.
async fn warned(case: &Case, words: Option<&str>) -> Result<Microservice> {
    let what = format!("the warning {words:?}");
    wait::found(&case.api::<Microservice>(), "shop", &what, wait::LONG, |found| {
        let problems = found.status.iter().flat_map(|status| &status.problems);
        let mut about = problems.into_iter().filter(|p| p.field.starts_with("spec.expose.httpRoute"));
        match words {
            Some(words) => about.any(|problem| problem.message.contains(words)),
            None => about.next().is_none(),
        }
    })
    .await
}

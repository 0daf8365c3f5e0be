//! What leads to the service, and who may use that.

use anyhow::{Context, Result};
use e2e::{Case, wait};
use k8s_openapi::api::{
    core::v1::{Node, Service},
    networking::v1::{Ingress, NetworkPolicy},
};
use kube::{
    Api, ResourceExt,
    api::{ListParams, Patch, PatchParams},
};
use operator_core::api::Microservice;
use serde_json::json;

#[tokio::test]
#[ignore = "needs a cluster"]
async fn an_ingress_and_a_policy_are_made_mended_and_removed() -> Result<()> {
    e2e::run("expose", async |case| {
        // What the API server does with the objects takes no pods.
        let exposed = json!({
            "replicas": 0,
            "networkPolicy": "restricted",
            "expose": { "ingress": {
                "className": "e2e",
                "host": "shop.example.com",
                "path": "/shop",
                "tls": { "clusterIssuer": "letsencrypt" },
                "annotations": { "example.com/size": "1m" },
            }},
        });
        case.apply("shop", exposed).await?;
        let ingresses = case.api::<Ingress>();
        let ingress = wait::found(&ingresses, "shop", "its Ingress", wait::SHORT, |_| true).await?;
        as_wanted(&ingress)?;
        let policies = case.api::<NetworkPolicy>();
        let policy = wait::found(&policies, "shop", "its NetworkPolicy", wait::SHORT, |_| true).await?;
        let rules = policy.spec.as_ref().and_then(|spec| spec.ingress.as_ref()).context("no rules")?;
        assert_eq!(rules.len(), 2, "requests and metrics: {rules:?}");

        // Nobody told the operator of this cluster where an ingress controller is.
        let shut_out = |found: &Microservice| {
            let problems = found.status.iter().flat_map(|status| &status.problems);
            problems.into_iter().any(|problem| problem.field == "spec.networkPolicy")
        };
        wait::found(&case.api::<Microservice>(), "shop", "the warning", wait::SHORT, shut_out).await?;

        let open = json!({ "spec": { "ingress": null } });
        policies.patch("shop", &PatchParams::default(), &Patch::Merge(open)).await?;
        wait::found(&policies, "shop", "its rules again", wait::SHORT, |found| {
            found.spec.as_ref().is_some_and(|spec| spec.ingress.as_ref() == Some(rules))
        })
        .await?;

        removed_when_switched_off(case).await
    })
    .await
}

fn as_wanted(ingress: &Ingress) -> Result<()> {
    let annotations = ingress.annotations();
    assert_eq!(annotations.get("cert-manager.io/cluster-issuer").map(String::as_str), Some("letsencrypt"));
    assert_eq!(annotations.get("example.com/size").map(String::as_str), Some("1m"));
    let spec = serde_json::to_value(ingress.spec.as_ref().context("no spec")?)?;
    assert_eq!(spec["ingressClassName"], "e2e");
    assert_eq!(spec["rules"][0]["host"], "shop.example.com");
    let path = &spec["rules"][0]["http"]["paths"][0];
    assert_eq!(path["path"], "/shop");
    assert_eq!(path["backend"]["service"], json!({ "name": "shop", "port": { "name": "http" } }));
    assert_eq!(spec["tls"], json!([{ "hosts": ["shop.example.com"], "secretName": "shop-tls" }]));
    Ok(())
}

/// Ours goes; what somebody else has made stays.
async fn removed_when_switched_off(case: &Case) -> Result<()> {
    let create = ["create", "ingress", "theirs", "--rule=theirs.example.com/=shop:80"];
    case.kubectl().run(&create).await?;
    case.apply("shop", json!({ "replicas": 0 })).await?;
    let gone = "to be gone";
    wait::object(&case.api::<Ingress>(), "shop", gone, wait::SHORT, |found| found.is_none()).await?;
    wait::object(&case.api::<NetworkPolicy>(), "shop", gone, wait::SHORT, |found| found.is_none()).await?;
    case.api::<Ingress>().get("theirs").await?;
    Ok(())
}

/// The metrics are for Prometheus, not for whoever reaches a node.
async fn only_what_is_exposed_has_a_node_port(case: &Case) -> Result<()> {
    let services = case.api::<Service>().list(&ListParams::default()).await?.items;
    let ports = services.iter().filter_map(|service| service.spec.as_ref()?.ports.as_ref()).flatten();
    let open: Vec<_> = ports.filter(|port| port.node_port.is_some()).collect();
    let names: Vec<_> = open.iter().filter_map(|port| port.name.as_deref()).collect();
    assert_eq!(names, ["http", "direct"]);
    let metrics = case.service("door-metrics:metrics", "/metrics").await?;
    anyhow::ensure!(metrics.contains("chassis_workers"), "{metrics}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn a_node_port_answers() -> Result<()> {
    e2e::run("node-port", async |case| {
        let service = json!({
            "type": "NodePort",
            "appProtocol": "http",
            "annotations": { "example.com/note": "ours" },
            "ports": [{ "name": "direct", "port": 8000, "targetPort": "service" }],
        });
        case.apply_ready("door", json!({ "expose": { "service": service } })).await?;
        let service = case.api::<Service>().get("door").await?;
        assert_eq!(service.annotations().get("example.com/note").map(String::as_str), Some("ours"));
        let spec = service.spec.context("no spec")?;
        let ports = spec.ports.unwrap_or_default();
        let http = ports.iter().find(|port| port.name.as_deref() == Some("http")).context("no port http")?;
        assert_eq!(http.app_protocol.as_deref(), Some("http"));
        let node_port = http.node_port.context("no node port")?;
        only_what_is_exposed_has_a_node_port(case).await?;

        let nodes = Api::<Node>::all(case.client.clone()).list(&ListParams::default()).await?.items;
        let addresses = nodes.iter().filter_map(|node| node.status.as_ref()?.addresses.as_ref()).flatten();
        let address = addresses
            .into_iter()
            .find(|address| address.type_ == "InternalIP")
            .context("no node has an address")?;
        for base in [format!("http://{}:{node_port}", address.address), "http://door:8000".into()] {
            let answer = case.request("POST", &format!("{base}/microservice"), Some("{}")).await?;
            assert_eq!(answer.status, 200, "{base}: {answer:?}");
        }

        // Back inside: the node's port is closed.
        case.apply_ready("door", json!({})).await?;
        let inside = |service: &Service| {
            let spec = service.spec.clone().unwrap_or_default();
            spec.type_.as_deref() == Some("ClusterIP")
                && spec.ports.iter().flatten().count() == 1
                && spec.ports.iter().flatten().all(|port| port.node_port.is_none())
        };
        wait::found(&case.api::<Service>(), "door", "no node ports", wait::SHORT, inside).await?;
        Ok(())
    })
    .await
}

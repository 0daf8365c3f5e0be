//! Deleting a Microservice leaves nothing of it, and its neighbours alone.

use std::collections::BTreeMap;

use anyhow::Result;
use e2e::{CHILDREN, Child, is_ready_at, managed, wait};
use kube::{
    api::{DeleteParams, ListParams, PropagationPolicy},
    core::params::Preconditions,
};
use operator_core::api::Microservice;
use serde_json::json;

/// What the cluster itself makes of the children.
const GRANDCHILDREN: [Child; 3] = [
    Child { group: "apps", kind: "ReplicaSet", plural: "replicasets" },
    Child { group: "", kind: "Pod", plural: "pods" },
    Child { group: "discovery.k8s.io", kind: "EndpointSlice", plural: "endpointslices" },
];

/// peers: cloudnative-pg#10535, opensearch-k8s-operator#976, kube-arangodb#251
#[tokio::test]
#[ignore = "needs a cluster"]
async fn nothing_is_left() -> Result<()> {
    e2e::run("delete", async |case| {
        case.apply("neighbour", json!({})).await?;
        let kinds: Vec<_> = CHILDREN.into_iter().chain(GRANDCHILDREN).collect();
        // Foreground: the Microservice stays until its children are gone; the operator must not make
        // them anew meanwhile.
        for policy in [PropagationPolicy::Background, PropagationPolicy::Foreground] {
            let created = case.apply_ready("gone", json!({ "replicas": 2 })).await?;
            for kind in &kinds {
                let params = ListParams::default().labels("microservice.dev/name=gone");
                let found = case.dynamic(&kind.resource()).list(&params).await?.items;
                assert!(!found.is_empty(), "no {} to begin with: the test would see nothing go", kind.kind);
            }
            let params = DeleteParams {
                propagation_policy: Some(policy),
                preconditions: Some(Preconditions { uid: created.metadata.uid, resource_version: None }),
                ..DeleteParams::default()
            };
            let api = case.api::<Microservice>();
            api.delete("gone", &params).await?;
            wait::object(&api, "gone", "the Microservice to be gone", wait::LONG, |found| found.is_none())
                .await?;
            for kind in &kinds {
                let what = format!("no {}", kind.plural);
                let api = case.dynamic(&kind.resource());
                wait::list(&api, managed("gone"), &what, wait::LONG, BTreeMap::is_empty).await?;
            }
        }
        let neighbour = case.ready("neighbour").await?;
        assert!(is_ready_at(&neighbour, 1), "the neighbour was touched");
        Ok(())
    })
    .await
}

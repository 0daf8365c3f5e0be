//! The ServiceMonitor CRD goes and comes while the operator runs.
//!
//! The test deletes a CRD of the cluster and with it every ServiceMonitor; it puts back both, also
//! when it fails. It is alone in this file, as the tests of one file run side by side.
//!
//! peers: RCO#67, rajsinghtech/homer-operator#23, thanos-operator#113, redpanda-data/redpanda#13321,
//! che image-puller#74

use anyhow::{Context, Result};
use e2e::{CHILDREN, Case, status, wait};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, ResourceExt,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams, ObjectMeta, PostParams},
    runtime::{conditions::is_crd_established, wait::Condition},
};
use serde_json::json;

const CRD: &str = "servicemonitors.monitoring.coreos.com";

#[tokio::test]
#[ignore = "needs a cluster"]
async fn monitors_come_with_their_crd() -> Result<()> {
    e2e::run("monitor-crd", async |case| {
        case.apply_ready("early", json!({})).await?;
        case.condition("early", "Monitored", "True", "ServiceMonitorSelected").await?;
        let operator = case.operator().await?;

        let saved = Saved::take(case).await?;
        let without = without_the_crd(case).await;
        saved.restore().await?;
        without?;

        let monitors = case.dynamic(&monitors());
        for name in ["early", "late"] {
            wait::found(&monitors, name, "its ServiceMonitor", wait::LONG, |_| true).await?;
            case.condition(name, "Monitored", "True", "ServiceMonitorSelected").await?;
        }
        operator.ensure_not_restarted().await
    })
    .await
}

async fn without_the_crd(case: &Case) -> Result<()> {
    let crds: Api<CustomResourceDefinition> = Api::all(case.client.clone());
    crds.delete(CRD, &DeleteParams::default()).await?;
    wait::object(&crds, CRD, "the CRD to be gone", wait::LONG, |found| found.is_none()).await?;
    let early = case.condition("early", "Monitored", "False", "ServiceMonitorCRDMissing").await?;
    assert_eq!(status(&early, "Ready"), "True", "the rest works");
    // Changes and new ones are worked on as ever.
    case.apply_ready("early", json!({ "concurrency": 6 })).await?;
    case.apply_ready("late", json!({})).await?;
    case.condition("late", "Monitored", "False", "ServiceMonitorCRDMissing").await?;
    Ok(())
}

fn monitors() -> ApiResource {
    CHILDREN[4].resource()
}

/// The CRD, and the ServiceMonitors that nobody would make anew.
struct Saved {
    client: kube::Client,
    crd: CustomResourceDefinition,
    objects: Vec<DynamicObject>,
}

impl Saved {
    async fn take(case: &Case) -> Result<Self> {
        let client = case.client.clone();
        let mut crd = Api::<CustomResourceDefinition>::all(client.clone())
            .get(CRD)
            .await
            .context("this test needs the Prometheus Operator's CRDs")?;
        crd.metadata = plain(crd.metadata);
        crd.status = None;
        let all =
            Api::<DynamicObject>::all_with(client.clone(), &monitors()).list(&ListParams::default()).await?;
        let foreign = all.items.into_iter().filter(|object| object.owner_references().is_empty());
        let objects =
            foreign.map(|object| DynamicObject { metadata: plain(object.metadata), ..object }).collect();
        Ok(Self { client, crd, objects })
    }

    async fn restore(self) -> Result<()> {
        let Self { client, crd, objects } = self;
        let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
        // A CRD that is still ending would take the new one with it.
        let gone_or_whole = |found: Option<&CustomResourceDefinition>| {
            found.is_none_or(|crd| crd.metadata.deletion_timestamp.is_none())
        };
        if wait::object(&crds, CRD, "the CRD to be gone or whole", wait::LONG, gone_or_whole).await?.is_none()
        {
            crds.create(&PostParams::default(), &crd).await.context("can't put the CRD back")?;
        }
        wait::found(&crds, CRD, "the CRD to be established", wait::LONG, |crd| {
            is_crd_established().matches_object(Some(crd))
        })
        .await?;
        for object in objects {
            let namespace = object.namespace().unwrap_or_default();
            let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, &monitors());
            if api.get_opt(&object.name_any()).await?.is_none() {
                api.create(&PostParams::default(), &object)
                    .await
                    .context("can't put a ServiceMonitor back")?;
            }
        }
        Ok(())
    }
}

/// What an object was created with.
fn plain(metadata: ObjectMeta) -> ObjectMeta {
    let ObjectMeta { name, namespace, labels, annotations, .. } = metadata;
    ObjectMeta { name, namespace, labels, annotations, ..ObjectMeta::default() }
}

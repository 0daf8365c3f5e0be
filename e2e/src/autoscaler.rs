use anyhow::Result;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::{
    Api,
    api::{ApiResource, DynamicObject, PostParams},
};
use operator::api::Microservice;
use serde_json::{Value, json};

use crate::{Case, is_ready_at, wait};

impl Case {
    /// An autoscaler that changes the replicas of a Microservice through its scale subresource, from 1 to
    /// `most`, and looks back for 10 s before it takes a replica away.
    pub async fn autoscale(&self, name: &str, most: i32, metric: Value) -> Result<()> {
        let autoscaler: HorizontalPodAutoscaler = serde_json::from_value(json!({
            "metadata": { "name": name },
            "spec": {
                "scaleTargetRef": { "apiVersion": "microservice.dev/v1alpha1", "kind": "Microservice", "name": name },
                "minReplicas": 1,
                "maxReplicas": most,
                "metrics": [metric],
                "behavior": { "scaleDown": { "stabilizationWindowSeconds": 10 } },
            },
        }))?;
        self.api().create(&PostParams::default(), &autoscaler).await?;
        Ok(())
    }

    /// Waits until a Microservice has so many replicas, which are all ready.
    pub async fn scaled(&self, name: &str, replicas: i32) -> Result<()> {
        let what = format!("{replicas} ready replicas");
        wait::found(&self.api::<Microservice>(), name, &what, wait::LONG, |found| {
            let ready = found.status.as_ref().map(|status| status.ready_replicas);
            is_ready_at(found, found.metadata.generation.unwrap_or_default())
                && found.spec.replicas == replicas
                && ready == Some(replicas)
        })
        .await?;
        Ok(())
    }

    /// Is there an API of this name, such as `v1beta1.metrics.k8s.io`? Always on the local cluster; on
    /// others it is an add-on that they may not have.
    pub async fn serves(&self, api: &str) -> Result<bool> {
        let kind = ApiResource {
            group: "apiregistration.k8s.io".into(),
            version: "v1".into(),
            api_version: "apiregistration.k8s.io/v1".into(),
            kind: "APIService".into(),
            plural: "apiservices".into(),
        };
        let found = Api::<DynamicObject>::all_with(self.client.clone(), &kind).get_opt(api).await?.is_some();
        if !found {
            println!("not tested: this cluster has no {api}");
        }
        Ok(found || self.settings.state.is_some())
    }
}

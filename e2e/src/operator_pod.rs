use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, LogParams},
    runtime::{conditions::is_pod_running, wait::Condition, watcher},
};

use crate::{Case, proxy, wait};

const SELECTOR: &str = "app.kubernetes.io/name=microservice-operator";
const ADMIN_PORT: u16 = 8080;

/// The running operator.
pub struct OperatorPod<'a> {
    case: &'a Case,
    /// The pod as it was found.
    pub pod: Pod,
}

impl Case {
    /// Waits until exactly one pod of the operator is there and ready.
    pub async fn operator(&self) -> Result<OperatorPod<'_>> {
        let config = watcher::Config::default().labels(SELECTOR);
        let good =
            |pods: &std::collections::BTreeMap<String, Pod>| pods.len() == 1 && pods.values().all(is_ready);
        let mut pods =
            wait::list(&self.operator_pods(), config, "one ready pod of the operator", wait::LONG, good)
                .await
                .with_context(|| {
                    format!("is the operator installed in namespace {}?", self.settings.operator_namespace)
                })?;
        let (_, pod) = pods.pop_first().context("no pod")?;
        Ok(OperatorPod { case: self, pod })
    }

    fn operator_pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &self.settings.operator_namespace)
    }
}

impl OperatorPod<'_> {
    /// GET on its admin port, such as `/metrics`.
    pub async fn get(&self, path: &str) -> Result<String> {
        let target = format!("pods/{}:{ADMIN_PORT}", self.pod.name_any());
        proxy::get(&self.case.client, &self.case.settings.operator_namespace, &target, path).await
    }

    /// All it has written.
    pub async fn logs(&self) -> Result<String> {
        Ok(self.case.operator_pods().logs(&self.pod.name_any(), &LogParams::default()).await?)
    }

    /// Deletes the pod without grace: the process is not asked to end.
    pub async fn delete_at_once(&self) -> Result<()> {
        let at_once = DeleteParams::default().grace_period(0);
        self.case.operator_pods().delete(&self.pod.name_any(), &at_once).await?;
        Ok(())
    }

    /// Fails if this pod was replaced or one of its containers restarted since it was found.
    pub async fn ensure_not_restarted(&self) -> Result<()> {
        let now = self
            .case
            .operator_pods()
            .get(&self.pod.name_any())
            .await
            .context("the operator's pod is gone")?;
        ensure!(now.uid() == self.pod.uid(), "the operator's pod was replaced");
        ensure!(restarts(&now) == restarts(&self.pod), "the operator's container was restarted");
        Ok(())
    }

    /// How often its container was restarted when it was found.
    pub fn restarts(&self) -> i32 {
        restarts(&self.pod)
    }
}

fn restarts(pod: &Pod) -> i32 {
    let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
    statuses.map_or(0, |statuses| statuses.iter().map(|status| status.restart_count).sum())
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    is_pod_running().matches_object(Some(pod))
        && pod.metadata.deletion_timestamp.is_none()
        && conditions.is_some_and(|all| all.iter().any(|c| c.type_ == "Ready" && c.status == "True"))
}

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::{coordination::v1::Lease, core::v1::Pod};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, LogParams},
    runtime::{conditions::is_pod_running, wait::Condition},
};

use crate::{Case, metrics, proxy, wait};

const SELECTOR: &str = "app.kubernetes.io/name=microservice-operator";
const LEASE: &str = "microservice-operator";
const ADMIN_PORT: u16 = 8080;

/// Within this another operator works when the first died: the lease's 15 s, the 2 s within which a
/// standby looks, and some for a machine that is busy.
pub const AFTER_DEATH: Duration = Duration::from_secs(15 + 2 + 5);

/// A running operator.
pub struct OperatorPod<'a> {
    case: &'a Case,
    /// The pod as it was found.
    pub pod: Pod,
}

impl Case {
    /// Waits until one of the operator's pods leads and is ready, and returns that.
    pub async fn operator(&self) -> Result<OperatorPod<'_>> {
        let namespace = &self.settings.operator_namespace;
        let what = format!("an operator in namespace {namespace} that leads");
        wait::until(&what, wait::LONG, async || {
            let Some(holder) = self.lease_holder().await? else { return Ok(None) };
            // The pod's name, and what tells its processes apart.
            let name = holder.split_once('_').map_or(&*holder, |(name, _)| name);
            let Some(pod) = self.operator_pods().get_opt(name).await?.filter(is_ready) else {
                return Ok(None);
            };
            let operator = OperatorPod { case: self, pod };
            // The lease may still name one that is dead.
            Ok(operator.leads().await?.then_some(operator))
        })
        .await
    }

    /// All pods of the operator that are ready, the leader and those that stand by.
    pub async fn operators(&self) -> Result<Vec<OperatorPod<'_>>> {
        let pods = self.operator_pods().list(&ListParams::default().labels(SELECTOR)).await?.items;
        Ok(pods.into_iter().filter(is_ready).map(|pod| OperatorPod { case: self, pod }).collect())
    }

    /// Who holds the lease; nobody where it was released.
    pub async fn lease_holder(&self) -> Result<Option<String>> {
        let leases = Api::<Lease>::namespaced(self.client.clone(), &self.settings.operator_namespace);
        let lease = leases.get(LEASE).await.context("the operator's lease")?;
        Ok(lease.spec.and_then(|spec| spec.holder_identity).filter(|holder| !holder.is_empty()))
    }

    /// Waits until two are ready, of which exactly one leads: that, and the other.
    pub async fn leader_and_standby(&self) -> Result<(OperatorPod<'_>, OperatorPod<'_>)> {
        wait::until("two operators, of which one leads", wait::LONG, async || {
            let (mut leaders, mut standbys) = (Vec::new(), Vec::new());
            for operator in self.operators().await? {
                if operator.leads().await? {
                    leaders.push(operator);
                } else {
                    standbys.push(operator);
                }
            }
            // Never more than one: asked one after the other, a change in between shows two for a moment.
            if leaders.len() != 1 || standbys.len() != 1 {
                return Ok(None);
            }
            Ok(leaders.pop().zip(standbys.pop()))
        })
        .await
    }

    /// When the lease is somebody's who is not `holder`.
    pub async fn lease_taken_from(&self, holder: &str) -> Result<Instant> {
        wait::until("another to hold the lease", wait::LONG, async || {
            let now = self.lease_holder().await?;
            Ok(now.is_some_and(|now| now != holder).then(Instant::now))
        })
        .await
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

    /// Does it say that it leads?
    pub async fn leads(&self) -> Result<bool> {
        let samples = metrics::parse(&self.get("/metrics").await?);
        Ok(metrics::sum(&samples, "microservice_operator_leader").context("no metric of the leader")? > 0.0)
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

    /// Deletes the pod as a rollout does: the process is asked to end.
    pub async fn delete(&self) -> Result<()> {
        self.case.operator_pods().delete(&self.pod.name_any(), &DeleteParams::default()).await?;
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

//! The API server and etcd go away and come back under a running operator.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use e2e::{Case, OperatorPod, wait};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Namespace, Node, Pod},
};
use kube::{
    Api, ResourceExt,
    api::ListParams,
    runtime::{conditions::is_pod_running, wait::Condition, watcher},
};
use serde_json::json;

/// Longer than the lease, and than three liveness probes 10 s apart: nobody may die of it.
const AWAY: Duration = Duration::from_secs(35);

/// A process of the cluster that is held down, until this is dropped.
struct Away<'a> {
    part: &'static str,
    state: &'a Path,
}

impl<'a> Away<'a> {
    fn begin(part: &'static str, state: &'a Path) -> Result<Self> {
        fault(state, "stop", part)?;
        Ok(Self { part, state })
    }
}

impl Drop for Away<'_> {
    fn drop(&mut self) {
        if let Err(error) = fault(self.state, "start", self.part) {
            eprintln!("{error:#}");
        }
    }
}

fn fault(state: &Path, verb: &str, part: &str) -> Result<()> {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("cluster/fault.sh");
    let status = Command::new(script).args([verb, part]).env("STATE", state).status()?;
    ensure!(status.success(), "fault.sh {verb} {part}: {status}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn the_api_server_and_etcd_may_go_away() -> Result<()> {
    e2e::run_alone("control-plane", async |case| {
        let Some(state) = &case.settings.state else {
            println!("skipped: the processes of this cluster's nodes are out of reach");
            return Ok(());
        };
        no_other_goes(case).await?;
        case.apply_ready("m", json!({})).await?;
        let (leader, standby) = case.leader_and_standby().await?;

        let away = Away::begin("kube-apiserver", state)?;
        // This is how long it is away.
        tokio::time::sleep(AWAY).await;
        fault(state, "kill", "etcd")?;
        drop(away);
        changed_once(case).await?;

        well(case).await?;
        for operator in [&leader, &standby] {
            operator.ensure_not_restarted().await?;
        }
        honest(case).await
    })
    .await
}

/// The namespaces of tests before this one are gone: they do not go while the API server is away.
async fn no_other_goes(case: &Case) -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(case.client.clone());
    let of_tests = watcher::Config::default().labels("microservice.dev/e2e");
    wait::list(&namespaces, of_tests, "no namespace that goes", wait::LONG, |found| {
        found.values().all(|namespace| namespace.metadata.deletion_timestamp.is_none())
    })
    .await
    .map(drop)
}

/// As soon as the API server takes it, a change is made; it comes to one rollout.
async fn changed_once(case: &Case) -> Result<()> {
    let spec = json!({ "env": [{ "name": "CHANGE", "value": "made" }] });
    let deployments = case.api::<Deployment>();
    let before = wait::until("the API server", wait::LONG, async || {
        let before = revision(&deployments.get("m").await?)?;
        case.apply("m", spec.clone()).await?;
        Ok(Some(before))
    })
    .await?;
    wait::until("Ready", wait::LONG, async || case.ready("m").await.map(Some)).await?;
    let after = revision(&deployments.get("m").await?)?;
    ensure!(after == before + 1, "{} rollouts for one change", after - before);
    ensure!(case.pods("m").await?.len() == 1);
    Ok(())
}

fn revision(deployment: &Deployment) -> Result<i64> {
    let revision = deployment.annotations().get("deployment.kubernetes.io/revision");
    Ok(revision.context("no revision")?.parse()?)
}

/// Everything of the cluster is as it was before.
async fn well(case: &Case) -> Result<()> {
    let nodes = Api::<Node>::all(case.client.clone());
    let pods = Api::<Pod>::all(case.client.clone());
    wait::until("the cluster to be well", wait::LONG, async || {
        case.kubectl().run(&["get", "--raw", "/readyz"]).await?;
        let nodes = nodes.list(&ListParams::default()).await?;
        let conditions =
            nodes.iter().flat_map(|n| n.status.iter().flat_map(|s| s.conditions.iter().flatten()));
        let nodes = conditions.filter(|c| c.type_ == "Ready").all(|c| c.status == "True");
        let pods = pods.list(&ListParams::default()).await?;
        let mut last = pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none());
        let services = case
            .kubectl()
            .run(&[
                "get",
                "apiservices",
                "-o",
                "jsonpath={.items[*].status.conditions[?(@.type=='Available')].status}",
            ])
            .await?;
        Ok((nodes && last.all(is_ready) && !services.contains("False")).then_some(()))
    })
    .await
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    is_pod_running().matches_object(Some(pod))
        && conditions.filter(|c| c.type_ == "Ready").all(|c| c.status == "True")
}

/// What the operators say of themselves.
async fn honest(case: &Case) -> Result<()> {
    case.leader_and_standby().await?;
    for operator in case.operators().await? {
        let said = |path| OperatorPod::get(&operator, path);
        said("/livez").await?;
        said("/readyz").await?;
    }
    Ok(())
}

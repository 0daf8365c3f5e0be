use std::{
    collections::BTreeSet,
    env,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use e2e::{Case, LoadReport, Process, managed, wait};
use futures::future::try_join;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{Api, ResourceExt, api::DeleteParams};
use serde_json::{Value, json};

use crate::bed::{self, CONCURRENCY, REPLICAS, is_ready, spec, spec_with};

/// What is done to the service under load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Restart,
    Image,
    Env,
    Config,
    Proxy,
    Port,
    ScaleDown,
    Drain,
    Deletion,
    Concurrency,
    Reload,
    Upgrade,
    Kill,
}

impl Change {
    pub const ALL: [Self; 13] = [
        Self::Restart,
        Self::Image,
        Self::Env,
        Self::Config,
        Self::Proxy,
        Self::Port,
        Self::ScaleDown,
        Self::Drain,
        Self::Deletion,
        Self::Concurrency,
        Self::Reload,
        Self::Upgrade,
        Self::Kill,
    ];

    pub const DELICATE: [Self; 5] =
        [Self::Env, Self::ScaleDown, Self::Drain, Self::Deletion, Self::Concurrency];

    pub fn name(self) -> &'static str {
        match self {
            Self::Restart => "kubectl rollout restart",
            Self::Image => "image",
            Self::Env => "env",
            Self::Config => "config",
            Self::Proxy => "nginx configuration",
            Self::Port => "port",
            Self::ScaleDown => "scale down",
            Self::Drain => "kubectl drain",
            Self::Deletion => "deletion of pods",
            Self::Concurrency => "concurrency",
            Self::Reload => "reload of nginx (HUP)",
            Self::Upgrade => "new operator pods",
            Self::Kill => KILL,
        }
    }

    /// Pods that are left.
    pub fn leaves(self, thorough: bool) -> usize {
        if self == Self::ScaleDown && !thorough { 1 } else { REPLICAS }
    }

    /// Makes it. Some have a bound of what may be lost instead of none.
    pub async fn make(self, case: &Case, thorough: bool) -> Result<Option<Bound>> {
        let kubectl = case.kubectl();
        match self {
            Self::Restart => bed::restart(case).await?,
            Self::Image => {
                let next = env::var("E2E_NEXT_SERVICE_IMAGE").context("no E2E_NEXT_SERVICE_IMAGE")?;
                there_and_back(case, thorough, json!({ "image": next })).await?;
            }
            Self::Env => {
                let green = json!({ "env": [{ "name": "COLOUR", "value": "green" }] });
                there_and_back(case, thorough, green).await?;
            }
            Self::Config => {
                let slower = json!({ "config": { "message": { "delay": "6ms" } } });
                there_and_back(case, thorough, slower).await?;
            }
            Self::Proxy => {
                there_and_back(case, thorough, json!({ "proxy": { "timeout": "50s" } })).await?;
            }
            Self::Port => there_and_back(case, thorough, json!({ "port": 8000 })).await?,
            Self::ScaleDown => {
                kubectl.run(&["scale", "msvc/t", "--replicas=1"]).await?;
                case.ready("t").await?;
                bed::settled(case, 1).await?;
                if thorough {
                    kubectl.run(&["scale", "msvc/t", &format!("--replicas={REPLICAS}")]).await?;
                    case.ready("t").await?;
                }
            }
            Self::Drain => drain(case).await?,
            Self::Deletion => {
                let pods = case.pods("t").await?;
                let count = if thorough { REPLICAS } else { 1 };
                for pod in pods.iter().take(count) {
                    case.api::<Pod>().delete(&pod.name_any(), &DeleteParams::default()).await?;
                    replaced(case, pod).await?;
                }
            }
            Self::Concurrency => {
                let before = identities(&case.pods("t").await?);
                for concurrency in [CONCURRENCY / 2, 2 * CONCURRENCY, CONCURRENCY] {
                    case.apply_ready("t", spec_with(json!({ "concurrency": concurrency }))).await?;
                }
                ensure!(identities(&case.pods("t").await?) == before, "a pod was restarted");
            }
            Self::Reload => {
                for pod in case.pods("t").await? {
                    reload(&pod).await?;
                }
            }
            Self::Upgrade => upgrade(case).await?,
            Self::Kill => return Ok(Some(kill(case).await?)),
        }
        Ok(None)
    }
}

pub const KILL: &str = "kill -9 of one nginx";

/// Another spec, and then the first one.
async fn there_and_back(case: &Case, back: bool, changes: Value) -> Result<()> {
    case.apply_ready("t", spec_with(changes)).await?;
    if back {
        case.apply_ready("t", spec()).await?;
    }
    Ok(())
}

/// `kubectl drain`: eviction of every pod, again and again while its disruption budget says no. The
/// node is opened again as soon as it is closed: there may be no other for the new pods.
async fn drain(case: &Case) -> Result<()> {
    let node_of = |pod: &Pod| pod.spec.as_ref().and_then(|spec| spec.node_name.clone());
    let mut before = case.pods("t").await?;
    let node = before.iter().find_map(node_of).context("no node")?;
    before.retain(|pod| node_of(pod).as_ref() == Some(&node));
    let nodes: Api<Node> = Api::all(case.client.clone());
    let (kubectl, opening) = (case.kubectl(), case.kubectl());
    let arguments = [
        "drain",
        &node,
        "--pod-selector=microservice.dev/name=t",
        "--delete-emptydir-data",
        "--ignore-daemonsets",
        "--timeout=180s",
    ];
    let drained = kubectl.run(&arguments);
    let opened = async {
        wait::found(&nodes, &node, "the node to be closed", wait::SHORT, |node| {
            node.spec.as_ref().is_some_and(|spec| spec.unschedulable == Some(true))
        })
        .await?;
        opening.run(&["uncordon", &node]).await
    };
    try_join(drained, opened).await?;
    let after = identities(&case.pods("t").await?);
    ensure!(after.is_disjoint(&identities(&before)), "a pod was not evicted");
    Ok(())
}

/// Waits until another pod is ready in the place of `pod`.
async fn replaced(case: &Case, pod: &Pod) -> Result<()> {
    let what = format!("another pod for {}", pod.name_any());
    wait::list(&case.api::<Pod>(), managed("t"), &what, wait::LONG, |pods| {
        pods.values().filter(|other| is_ready(other) && other.uid() != pod.uid()).count() == REPLICAS
    })
    .await?;
    Ok(())
}

/// nginx takes its configuration anew: other workers, which the old ones give way to.
pub async fn reload(pod: &Pod) -> Result<()> {
    let nginx = Process::of(pod, "nginx")?;
    let before = nginx.children()?;
    ensure!(!before.is_empty(), "nginx without workers");
    nginx.hang_up()?;
    wait::until("other workers of nginx", wait::LONG, async || {
        let now = nginx.children()?;
        Ok((!now.is_empty() && now.is_disjoint(&before)).then_some(()))
    })
    .await
}

/// Other pods of the operator, as an upgrade of the chart makes them; the service's stay.
async fn upgrade(case: &Case) -> Result<()> {
    let before = identities(&case.pods("t").await?);
    let namespace = format!("--namespace={}", case.settings.operator_namespace);
    let operator = "deployment/microservice-operator";
    for arguments in [["rollout", "restart"], ["rollout", "status"]] {
        case.kubectl().run(&[arguments[0], arguments[1], operator, &namespace]).await?;
    }
    case.operator().await?;
    case.ready("t").await?;
    ensure!(identities(&case.pods("t").await?) == before, "an operator's upgrade changed the pods");
    Ok(())
}

/// Uid and restarts of every pod.
fn identities(pods: &[Pod]) -> BTreeSet<(Option<String>, i32)> {
    pods.iter().map(|pod| (pod.uid(), restarts(pod))).collect()
}

fn restarts(pod: &Pod) -> i32 {
    let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
    statuses.map_or(0, |statuses| statuses.iter().map(|status| status.restart_count).sum())
}

/// What the end of one nginx without warning may cost: requests that were on their way through it, and
/// new connections to it, until it runs again or every node knows that it doesn't.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// From the signal until it was ready again.
    away: Duration,
}

/// Kills it, and waits until it runs again, in the same pod.
async fn kill(case: &Case) -> Result<Bound> {
    let before = case.pods("t").await?;
    let (pod, others) = before.split_first().context("no pods")?;
    let began = Instant::now();
    Process::of(pod, "nginx")?.kill()?;
    let restarted = |now: &Pod| restarts(now) == restarts(pod) + 1 && is_ready(now);
    wait::found(&case.api(), &pod.name_any(), "nginx to be started again", wait::LONG, restarted).await?;
    let away = began.elapsed();
    let after = identities(&case.pods("t").await?);
    ensure!(identities(others).is_subset(&after), "other pods were affected");
    ensure!(after.iter().any(|(uid, _)| *uid == pod.uid()), "the pod was replaced");
    println!("{KILL}: ready again after {away:?}");
    Ok(Bound { away })
}

impl Bound {
    /// Nothing fails before or after, and then no more than the share of one replica, with half of that
    /// again for chance, and what was on its way.
    pub fn check(self, rate: u32, reports: &[LoadReport]) -> Result<()> {
        let spans = reports.iter().filter_map(|report| report.failed_ms);
        let longest =
            spans.map(|(first, last)| Duration::from_millis(last - first)).max().unwrap_or_default();
        let failed: u64 = reports.iter().map(LoadReport::failures).sum();
        println!("{KILL}: {failed} failed, within {longest:?}");
        ensure!(longest <= self.away + Duration::from_secs(2), "failed for {longest:?}, {self:?}");
        let due = f64::from(rate) * (self.away.as_secs_f64() + 2.0);
        #[allow(clippy::cast_precision_loss)] // A count.
        let share = failed as f64 / due;
        ensure!(share <= 0.5, "{failed} of {due} requests failed: more than one of three replicas was away");
        Ok(())
    }
}

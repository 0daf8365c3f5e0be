//! Without one of the steps that keep requests from being lost some must be lost, or the test is blind.

use anyhow::{Context, Result, ensure};
use e2e::{Case, wait};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Pod},
};
use kube::{Api, api::PostParams, runtime::watcher};

use crate::{bed, change};

const NGINX_FILE: &str = "nginx.conf";
const OPERATOR: &str = "microservice-operator";

/// The step that is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Both `preStop` sleeps.
    NoSleeps,
    /// nginx' `keepalive_min_timeout`.
    NoMinTimeout,
}

impl Control {
    pub const ALL: [Self; 2] = [Self::NoSleeps, Self::NoMinTimeout];

    pub fn name(self) -> &'static str {
        match self {
            Self::NoSleeps => "control: no preStop sleeps",
            Self::NoMinTimeout => "control: no keepalive_min_timeout",
        }
    }

    /// Makes the change that needs the step.
    pub async fn make(self, case: &Case) -> Result<()> {
        bed::restart(case).await?;
        if self == Self::NoMinTimeout {
            // The moment that a request meets a closed connection is short: many of them.
            for _ in 0..8 {
                for pod in case.pods("t").await? {
                    change::reload(&pod).await?;
                }
            }
        }
        Ok(())
    }

    /// Runs the service without the step, and waits until every pod is without it.
    pub async fn set(self, case: &Case, whole: &Whole) -> Result<()> {
        let (mut map, mut deployment) = (whole.map.clone(), whole.deployment.clone());
        let template = &mut deployment.spec.as_mut().context("no spec")?.template;
        // Other pods in any case.
        let annotations = template.metadata.get_or_insert_default().annotations.get_or_insert_default();
        annotations.insert("control".into(), self.name().replace([':', ' '], "-"));
        match self {
            Self::NoSleeps => {
                let containers = &mut template.spec.as_mut().context("no pod")?.containers;
                ensure!(
                    containers.iter().all(|container| container.lifecycle.is_some()),
                    "there are no sleeps"
                );
                for container in containers {
                    container.lifecycle = None;
                }
            }
            Self::NoMinTimeout => {
                let file = map.data.as_mut().and_then(|data| data.get_mut(NGINX_FILE)).context("no file")?;
                let (with, without): (Vec<_>, Vec<_>) =
                    file.lines().partition(|line| line.trim().starts_with("keepalive_min_timeout"));
                ensure!(with.len() == 1, "keepalive_min_timeout is not set: {file}");
                *file = without.join("\n");
            }
        }
        map.metadata.resource_version = None;
        deployment.metadata.resource_version = None;
        case.api::<ConfigMap>().replace("t", &PostParams::default(), &map).await?;
        case.api::<Deployment>().replace("t", &PostParams::default(), &deployment).await?;
        bed::rolled_out(case).await
    }
}

/// What the operator made.
pub struct Whole {
    map: ConfigMap,
    deployment: Deployment,
}

/// Runs `test` with no operator on the cluster: nobody repairs what it changes.
pub async fn without_operator(case: &Case, test: impl AsyncFnOnce(&Whole) -> Result<()>) -> Result<()> {
    let whole = Whole {
        map: case.api::<ConfigMap>().get("t").await?,
        deployment: case.api::<Deployment>().get("t").await?,
    };
    let operators = Api::<Deployment>::namespaced(case.client.clone(), &case.settings.operator_namespace);
    let replicas = operators.get(OPERATOR).await?.spec.and_then(|spec| spec.replicas).unwrap_or(1);
    scale(case, 0).await?;
    let outcome = test(&whole).await;
    scale(case, replicas).await?;
    outcome
}

async fn scale(case: &Case, replicas: i32) -> Result<()> {
    let namespace = format!("--namespace={}", case.settings.operator_namespace);
    let to = format!("--replicas={replicas}");
    case.kubectl().run(&["scale", &format!("deployment/{OPERATOR}"), &to, &namespace]).await?;
    let pods = Api::<Pod>::namespaced(case.client.clone(), &case.settings.operator_namespace);
    let all = watcher::Config::default().labels(&format!("app.kubernetes.io/name={OPERATOR}"));
    let wanted = usize::try_from(replicas)?;
    wait::list(&pods, all, &format!("{wanted} operators"), wait::LONG, |pods| {
        pods.len() == wanted && pods.values().all(bed::is_ready)
    })
    .await?;
    Ok(())
}

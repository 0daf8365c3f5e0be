//! Without one of the steps that keep requests from being lost some must be lost, or the test is blind.

use anyhow::{Context, Result, ensure};
use e2e::{Case, wait};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Pod},
};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
    runtime::watcher,
};
use operator_core::model::meta::CONFIG_ANNOTATION;
use serde_json::json;

use crate::{bed, change};

const NGINX_FILE: &str = "nginx.conf";
/// A ConfigMap with another one.
const OTHER: &str = "t-control";
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
        let mut deployment = whole.deployment.clone();
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
                let mut data = whole.configuration.data.clone().context("no data")?;
                let file = data.get_mut(NGINX_FILE).context("no file")?;
                let (with, without): (Vec<_>, Vec<_>) =
                    file.lines().partition(|line| line.trim().starts_with("keepalive_min_timeout"));
                ensure!(with.len() == 1, "keepalive_min_timeout is not set: {file}");
                *file = without.join("\n");
                let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": OTHER }, "data": data });
                let params = PatchParams::apply("e2e").force();
                case.api::<ConfigMap>().patch(OTHER, &params, &Patch::Apply(map)).await?;
                let volumes =
                    template.spec.as_mut().and_then(|pod| pod.volumes.as_mut()).into_iter().flatten();
                let projected = volumes.filter_map(|volume| volume.projected.as_mut()?.sources.as_mut());
                let maps = projected.flatten().filter_map(|source| source.config_map.as_mut());
                maps.filter(|map| Some(&map.name) == whole.configuration.metadata.name.as_ref())
                    .for_each(|map| map.name = OTHER.into());
            }
        }
        deployment.metadata.resource_version = None;
        case.api::<Deployment>().replace("t", &PostParams::default(), &deployment).await?;
        bed::rolled_out(case).await
    }
}

/// What the operator made.
pub struct Whole {
    /// What its pods are started with.
    configuration: ConfigMap,
    deployment: Deployment,
}

/// Runs `test` with no operator on the cluster: nobody repairs what it changes.
pub async fn without_operator(case: &Case, test: impl AsyncFnOnce(&Whole) -> Result<()>) -> Result<()> {
    let deployment = case.api::<Deployment>().get("t").await?;
    let template = deployment.spec.as_ref().and_then(|spec| spec.template.metadata.as_ref());
    let annotations = template.and_then(|metadata| metadata.annotations.as_ref());
    let name = annotations.and_then(|all| all.get(CONFIG_ANNOTATION)).context("no configuration")?;
    let configuration = case.api::<ConfigMap>().get(name).await?;
    let whole = Whole { configuration, deployment };
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

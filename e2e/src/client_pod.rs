use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    ResourceExt,
    api::{LogParams, PostParams},
};
use serde_json::{Value, json};

use crate::{Case, Load, LoadReport, STOP_PORT, proxy, wait};

/// What a service answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.body).with_context(|| format!("not JSON: {}", self.body))
    }
}

/// A pod that sends requests.
pub struct LoadPod<'a> {
    case: &'a Case,
    name: String,
}

impl Case {
    /// Sends one request from a pod of the test's namespace: through DNS, `ClusterIP` and nginx.
    pub async fn request(&self, method: &str, url: &str, data: Option<&str>) -> Result<Answer> {
        let mut arguments = vec!["request", url, "--method", method];
        arguments.extend(data.into_iter().flat_map(|data| ["--data", data]));
        let pod = self.start_client(&arguments).await?;
        let output = pod.output().await?;
        let (status, body) = output.split_once('\n').unwrap_or((&output, ""));
        let status = status.parse().with_context(|| format!("not an answer: {output}"))?;
        Ok(Answer { status, body: body.into() })
    }

    /// Starts streams of requests; they go on while the test does something else.
    pub async fn start_load(&self, streams: &[Load]) -> Result<LoadPod<'_>> {
        let streams = streams.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
        let mut arguments = vec!["load"];
        arguments.extend(streams.iter().map(String::as_str));
        self.start_client(&arguments).await
    }

    async fn start_client(&self, arguments: &[&str]) -> Result<LoadPod<'_>> {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": { "generateName": "client-", "labels": { "app.kubernetes.io/name": "e2e-client" } },
            "spec": {
                "restartPolicy": "Never",
                "automountServiceAccountToken": false,
                "enableServiceLinks": false,
                "terminationGracePeriodSeconds": 1,
                "securityContext": {
                    "runAsNonRoot": true,
                    "runAsUser": 65532,
                    "seccompProfile": { "type": "RuntimeDefault" },
                },
                "containers": [{
                    "name": "client",
                    "image": self.settings.client_image,
                    "imagePullPolicy": "IfNotPresent",
                    "args": arguments,
                    "resources": { "requests": { "cpu": "10m", "memory": "16Mi" } },
                    "securityContext": {
                        "allowPrivilegeEscalation": false,
                        "readOnlyRootFilesystem": true,
                        "capabilities": { "drop": ["ALL"] },
                    },
                }],
            },
        }))?;
        let pod = self
            .api::<Pod>()
            .create(&PostParams::default(), &pod)
            .await
            .context("can't start a client pod")?;
        Ok(LoadPod { case: self, name: pod.name_any() })
    }
}

impl LoadPod<'_> {
    /// Waits until the requests have begun.
    pub async fn running(&self) -> Result<()> {
        let begun = |pod: &Pod| pod.status.as_ref().and_then(|s| s.phase.as_deref()) != Some("Pending");
        wait::found(&self.case.api::<Pod>(), &self.name, "the client to start", wait::LONG, begun).await?;
        Ok(())
    }

    /// Tells the streams that go on until they are told to end.
    pub async fn stop(&self) -> Result<()> {
        let target = format!("pods/{}:{STOP_PORT}", self.name);
        proxy::get(&self.case.client, &self.case.namespace, &target, "/").await?;
        Ok(())
    }

    /// Waits until the last request is answered; one report for each stream.
    pub async fn reports(self) -> Result<Vec<LoadReport>> {
        let output = self.output().await?;
        let report = |line| serde_json::from_str(line).with_context(|| format!("not a report: {line}"));
        output.lines().map(report).collect()
    }

    /// As [`LoadPod::reports`], of the only stream.
    pub async fn report(self) -> Result<LoadReport> {
        self.reports().await?.pop().context("no report")
    }

    async fn output(&self) -> Result<String> {
        let pods = self.case.api::<Pod>();
        let phase =
            |pod: &Pod| pod.status.as_ref().and_then(|status| status.phase.clone()).unwrap_or_default();
        let ended = |pod: &Pod| matches!(phase(pod).as_str(), "Succeeded" | "Failed");
        let pod = wait::found(&pods, &self.name, "the client to end", wait::LONG, ended).await?;
        let output = pods.logs(&self.name, &LogParams::default()).await?;
        ensure!(phase(&pod) == "Succeeded", "the client failed: {output}");
        Ok(output)
    }
}

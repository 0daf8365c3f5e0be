use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    ResourceExt,
    api::{LogParams, PostParams},
};
use serde_json::{Value, json};

use crate::{Case, LoadReport, wait};

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

/// Many requests from one pod.
#[derive(Clone, Copy, Debug)]
pub struct Load<'a> {
    /// Where to.
    pub url: &'a str,
    /// Connections at a time; each has one request on its way.
    pub connections: u32,
    /// Requests in all.
    pub requests: u32,
    /// Body of each, sent with POST.
    pub data: &'a str,
    /// false: a new connection for every request.
    pub keepalive: bool,
    /// Requests per second; none: as quick as the answers come.
    pub rate: Option<u32>,
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

    /// Starts many requests; they go on while the test does something else.
    pub async fn start_load(&self, load: Load<'_>) -> Result<LoadPod<'_>> {
        let Load { url, connections, requests, data, keepalive, rate } = load;
        let (connections, requests) = (connections.to_string(), requests.to_string());
        let mut arguments = vec!["load", url, "--connections", &connections, "--requests", &requests];
        arguments.extend(["--method", "POST", "--data", data]);
        if !keepalive {
            arguments.push("--no-keepalive");
        }
        let rate = rate.unwrap_or_default().to_string();
        arguments.extend(["--rate", &rate]);
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

    /// Waits until the last request is answered.
    pub async fn report(self) -> Result<LoadReport> {
        let output = self.output().await?;
        serde_json::from_str(&output).with_context(|| format!("not a report: {output}"))
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

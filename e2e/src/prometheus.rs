use std::{
    collections::BTreeMap,
    fmt::Write,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde::Deserialize;
use serde_json::json;

use crate::{Case, Sample, proxy, wait};

/// Of Prometheus in the local cluster and in kind.
const POD: &str = "prometheus-main-0";

#[derive(Deserialize)]
struct Answer {
    status: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    result: Vec<Series>,
}

#[derive(Deserialize)]
struct Series {
    metric: BTreeMap<String, String>,
    /// Time in seconds, and the value as text.
    value: (f64, String),
}

impl Case {
    /// An instant query of Prometheus' HTTP API, through the API server's proxy.
    pub async fn prometheus(&self, query: &str) -> Result<Vec<Sample>> {
        let endpoint = &self.settings.prometheus;
        let target = format!("services/{}", endpoint.service);
        let path = format!("/api/v1/query?query={}", encode(query));
        let text = proxy::get(&self.client, &endpoint.namespace, &target, &path)
            .await
            .context("no Prometheus: set E2E_PROMETHEUS to namespace/service:port")?;
        let Answer { status, data } = serde_json::from_str(&text).context("Prometheus' answer")?;
        ensure!(status == "success", "Prometheus: {text}");
        data.result.into_iter().map(sample).collect()
    }

    /// Waits until a query has an answer; of several, one.
    pub async fn prometheus_until(&self, query: &str) -> Result<Sample> {
        let mut refreshed: Option<Instant> = None;
        wait::until(&format!("an answer to {query}"), wait::LONG, async || {
            let answer = self.prometheus(query).await?.pop();
            if answer.is_none() && refreshed.is_none_or(|last| last.elapsed() > Duration::from_secs(1)) {
                self.refresh_prometheus().await;
                refreshed = Some(Instant::now());
            }
            Ok(answer)
        })
        .await
    }

    /// The kubelet takes a new configuration and new rules into the pod once a minute, but at once when
    /// the pod itself changes.
    async fn refresh_prometheus(&self) {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.settings.prometheus.namespace);
        let now = format!("{:?}", Instant::now());
        let note = json!({ "metadata": { "annotations": { "e2e.example.com/refresh": now } } });
        // Another Prometheus has another pod, and is waited for.
        let _ = pods.patch(POD, &PatchParams::default(), &Patch::Merge(note)).await;
    }
}

fn sample(Series { mut metric, value }: Series) -> Result<Sample> {
    let name = metric.remove("__name__").unwrap_or_default();
    Ok(Sample { name, labels: metric, value: value.1.parse()? })
}

/// For the query part of a URL.
fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(byte.into());
        } else {
            // Writing to a String can't fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn queries_survive_the_url() {
        assert_eq!(encode(r#"sum(a{b="c"}) > 1"#), "sum%28a%7Bb%3D%22c%22%7D%29%20%3E%201");
    }
}

use std::{collections::BTreeMap, fmt::Write};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::{Case, Sample, proxy};

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

use anyhow::{Context, Result};
use http::Request;
use kube::Client;

use crate::Case;

/// GET through the API server's proxy; `target` is such as `pods/NAME:9090`. Any status but 2xx is
/// an error.
pub(crate) async fn get(client: &Client, namespace: &str, target: &str, path: &str) -> Result<String> {
    let uri = format!("/api/v1/namespaces/{namespace}/{target}/proxy{path}");
    let request = Request::get(&uri).body(Vec::new())?;
    client.request_text(request).await.with_context(|| format!("GET {uri}"))
}

impl Case {
    /// GET on the admin port of one of the service's pods, such as `/workers` or `/metrics`.
    pub async fn admin(&self, pod: &str, path: &str) -> Result<String> {
        get(&self.client, &self.namespace, &format!("pods/{pod}:9090"), path).await
    }

    /// GET through one of the test's Services; `target` is its name and port such as `shop:http`, with
    /// `https:` before it for HTTPS.
    pub async fn service(&self, target: &str, path: &str) -> Result<String> {
        get(&self.client, &self.namespace, &format!("services/{target}"), path).await
    }

    /// GET on the API server itself, such as `/metrics`.
    pub async fn api_server(&self, path: &str) -> Result<String> {
        Ok(self.client.request_text(Request::get(path).body(Vec::new())?).await?)
    }
}

use std::{env, path::PathBuf};

use anyhow::{Context, Result, ensure};

/// A port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Where the Service is.
    pub namespace: String,
    /// Its name and port, such as `prometheus-operated:9090`.
    pub service: String,
}

impl Endpoint {
    /// Reads `namespace/service:port`.
    pub fn parse(text: &str) -> Result<Self> {
        let (namespace, service) = text.split_once('/').unwrap_or_default();
        let port = service.split_once(':').map_or("", |(_, port)| port);
        ensure!(
            !namespace.is_empty() && port.parse::<u16>().is_ok(),
            "{text:?}: write namespace/service:port, such as monitoring/prometheus-operated:9090"
        );
        Ok(Self { namespace: namespace.into(), service: service.into() })
    }
}

/// What the tests are told by the environment. Which cluster: `KUBECONFIG`, as for `kubectl`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `E2E_KUBECTL`: the command, with arguments where it needs some. Default: `kubectl`.
    pub kubectl: Vec<String>,
    /// `E2E_HELM`: likewise. Default: `helm`.
    pub helm: Vec<String>,
    /// `E2E_CHART`: directory of the operator's chart. Default: that of this checkout.
    pub chart: PathBuf,
    /// `E2E_OPERATOR_IMAGE`: the operator's image, for tests that install another. Default: the chart's.
    pub operator_image: Option<String>,
    /// `E2E_OPERATOR_NAMESPACE`: where the operator is installed. Default: `microservice-system`.
    pub operator_namespace: String,
    /// `E2E_SERVICE_IMAGE`: the image that a Microservice without one must run. Default: not checked.
    pub service_image: Option<String>,
    /// `E2E_CLIENT_IMAGE`: the image with `e2e-client`. Default: that of this version.
    pub client_image: String,
    /// `E2E_PROMETHEUS`: `namespace/service:port`. Default: `monitoring/prometheus-operated:9090`.
    pub prometheus: Endpoint,
    /// `E2E_GATEWAY_API`: directory of the Gateway API's definition of HTTPRoute.
    pub gateway_api: Option<PathBuf>,
    /// `E2E_STATE`: directory of the local cluster, where the node's processes are this machine's.
    pub state: Option<PathBuf>,
    /// `E2E_FAULTS`: `all`: each fault at each write by itself, which takes many minutes.
    pub all_faults: bool,
    /// `E2E_KEEP`: not empty: namespaces of failed tests stay.
    pub keep: bool,
}

impl Settings {
    /// Reads the environment; an empty variable counts as none.
    pub fn from_env() -> Result<Self> {
        let get = |name: &str| env::var(name).ok().filter(|value| !value.trim().is_empty());
        let or = |name: &str, default: &str| get(name).unwrap_or_else(|| default.into());
        let command = |name: &str, default: &str| {
            or(name, default).split_whitespace().map(Into::into).collect::<Vec<_>>()
        };
        let chart = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/microservice-operator");
        Ok(Self {
            kubectl: command("E2E_KUBECTL", "kubectl"),
            helm: command("E2E_HELM", "helm"),
            chart: or("E2E_CHART", chart).into(),
            operator_image: get("E2E_OPERATOR_IMAGE"),
            operator_namespace: or("E2E_OPERATOR_NAMESPACE", "microservice-system"),
            service_image: get("E2E_SERVICE_IMAGE"),
            client_image: or(
                "E2E_CLIENT_IMAGE",
                concat!("microservice-dev/e2e-client:", env!("CARGO_PKG_VERSION")),
            ),
            prometheus: Endpoint::parse(&or("E2E_PROMETHEUS", "monitoring/prometheus-operated:9090"))
                .context("E2E_PROMETHEUS")?,
            gateway_api: get("E2E_GATEWAY_API").map(Into::into),
            state: get("E2E_STATE").map(Into::into),
            all_faults: get("E2E_FAULTS").is_some_and(|which| which == "all"),
            keep: get("E2E_KEEP").is_some(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Endpoint;

    #[test]
    fn an_endpoint_names_namespace_service_and_port() {
        let endpoint = Endpoint::parse("monitoring/prometheus:9090").unwrap();
        assert_eq!(
            (endpoint.namespace.as_str(), endpoint.service.as_str()),
            ("monitoring", "prometheus:9090")
        );
        for wrong in ["", "prometheus:9090", "monitoring/prometheus", "monitoring/prometheus:web"] {
            assert!(Endpoint::parse(wrong).is_err(), "{wrong}");
        }
    }
}

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Context, Result};
use futures::FutureExt;
use k8s_openapi::api::{
    admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding},
    core::v1::{ConfigMap, Namespace},
};
use kube::{
    Api, Client, Config,
    api::{Patch, PatchParams, PostParams},
    client::ClientBuilder,
};
use operator::{
    cluster::watch::{Scope, WatchScope},
    controller,
    process::{leader::Leadership, metrics::Metrics, readiness::Readiness, requests::Counted},
};
use operator_core::model::Settings;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{Case, metrics::parse, wait};

const POLICY: &str = "e2e-own-operator";
/// On a namespace that the installed operator may write nothing into.
const LABEL: &str = "microservice.dev/e2e-operator";

/// An operator of the test's namespace alone, in the test's process.
pub struct OwnOperator {
    stop: CancellationToken,
    task: JoinHandle<()>,
    /// Its own numbers.
    pub metrics: Arc<Metrics>,
    /// What it waits for.
    pub readiness: Readiness,
}

impl Case {
    /// Keeps the installed operator out of the test's namespace: from now on all it writes there is
    /// refused.
    pub async fn keep_installed_operator_out(&self) -> Result<()> {
        let params = PatchParams::apply("e2e").force();
        let account = installed(&self.settings.operator_namespace);
        let policy = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": POLICY},
            "spec": {
                "matchConstraints": {
                    "namespaceSelector": {"matchLabels": {LABEL: "own"}},
                    "resourceRules": [{"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"],
                        "operations": ["CREATE", "UPDATE", "DELETE"]}],
                },
                "matchConditions": [{"name": "installed", "expression": format!("request.userInfo.username == '{account}'")}],
                "validations": [{"expression": "false", "message": "a test has an operator of its own here"}],
            },
        });
        let binding = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": POLICY},
            "spec": {"policyName": POLICY, "validationActions": ["Deny"]},
        });
        let policies: Api<ValidatingAdmissionPolicy> = Api::all(self.client.clone());
        policies.patch(POLICY, &params, &Patch::Apply(policy)).await?;
        let bindings: Api<ValidatingAdmissionPolicyBinding> = Api::all(self.client.clone());
        bindings.patch(POLICY, &params, &Patch::Apply(binding)).await?;
        let label = json!({"metadata": {"labels": {LABEL: "own"}}});
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        namespaces.patch(&self.namespace, &PatchParams::default(), &Patch::Merge(label)).await?;
        let maps = Api::<ConfigMap>::namespaced(self.installed_operator().await?, &self.namespace);
        let probe: ConfigMap = serde_json::from_value(json!({"metadata": {"name": "probe"}}))?;
        let dry = PostParams { dry_run: true, ..PostParams::default() };
        wait::until("the installed operator to be kept out", wait::SHORT, async || {
            Ok(match maps.create(&dry, &probe).await {
                Err(kube::Error::Api(status)) if status.message.contains("an operator of its own") => {
                    Some(())
                }
                _ => None,
            })
        })
        .await
    }

    async fn installed_operator(&self) -> Result<Client> {
        let namespace = &self.settings.operator_namespace;
        let mut config = Config::infer().await?;
        config.auth_info.impersonate = Some(installed(namespace));
        config.auth_info.impersonate_groups =
            Some(vec!["system:serviceaccounts".into(), "system:authenticated".into()]);
        Ok(Client::try_from(config)?)
    }

    /// What the installed operator puts into pods.
    pub fn operator_settings(&self) -> Result<Settings> {
        Ok(Settings {
            service_image: self.settings.service_image.clone().context("E2E_SERVICE_IMAGE is not set")?,
            proxy_image: "nginxinc/nginx-unprivileged:1.30".into(),
            ..Settings::default()
        })
    }

    /// Starts an operator for the test's namespace.
    pub async fn start_operator(&self, settings: Settings) -> Result<OwnOperator> {
        self.start_operator_as(Config::infer().await?, settings)
    }

    /// Starts an operator for the test's namespace, which reaches the API server so.
    pub fn start_operator_as(&self, config: Config, settings: Settings) -> Result<OwnOperator> {
        let metrics = Arc::new(Metrics::new()?);
        let client = counted(config, &metrics)?;
        let readiness = Readiness::default();
        let stop = CancellationToken::new();
        let running = operate(
            client,
            self.namespace.clone(),
            settings,
            metrics.clone(),
            readiness.clone(),
            stop.clone(),
        );
        let task = tokio::spawn(running);
        Ok(OwnOperator { stop, task, metrics, readiness })
    }
}

/// A client whose requests are counted, as the installed operator's.
pub fn counted(config: Config, metrics: &Arc<Metrics>) -> Result<Client> {
    let metrics = metrics.clone();
    let counted = tower::layer::layer_fn(move |service| Counted::new(service, metrics.clone()));
    Ok(ClientBuilder::try_from(config)?.with_layer(&counted).build())
}

/// Runs an operator of one namespace that sees nothing of the cluster but through `client`.
pub async fn operate(
    client: Client,
    namespace: String,
    settings: Settings,
    metrics: Arc<Metrics>,
    readiness: Readiness,
    stop: CancellationToken,
) {
    let scope = WatchScope { scope: Scope::new([namespace]), secrets: true };
    let running = controller::run(client, scope, settings, metrics, readiness, Leadership::alone(), stop);
    running.map(drop).await;
}

impl OwnOperator {
    /// The requests that the API server refused as forbidden: verb and resource, such as `list pods`.
    pub fn forbidden(&self) -> BTreeMap<String, f64> {
        forbidden(&self.metrics)
    }

    /// Ends it, as SIGTERM does.
    pub async fn stop(self) -> Result<()> {
        self.stop.cancel();
        self.task.await.context("the operator panicked")
    }
}

/// The requests of a [`counted`] client that were refused as forbidden, and how often.
pub fn forbidden(metrics: &Metrics) -> BTreeMap<String, f64> {
    let samples = parse(&metrics.text());
    let refused = samples.iter().filter(|sample| {
        sample.name == "microservice_operator_api_requests_total" && sample.label("code") == "403"
    });
    refused
        .map(|sample| (format!("{} {}", sample.label("verb"), sample.label("resource")), sample.value))
        .collect()
}

/// The account of the installed operator.
fn installed(namespace: &str) -> String {
    format!("system:serviceaccount:{namespace}:microservice-operator")
}

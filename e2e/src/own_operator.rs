use std::{
    sync::{Arc, Mutex, PoisonError},
    task::{Context as TaskContext, Poll},
};

use anyhow::{Context, Result};
use futures::{FutureExt, future::BoxFuture};
use http::{Request, Response, StatusCode};
use k8s_openapi::api::{
    admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding},
    core::v1::{ConfigMap, Namespace},
};
use kube::{
    Api, Client, Config,
    api::{Patch, PatchParams, PostParams},
    client::{Body, ClientBuilder},
};
use operator::{
    controller::{self, Scope, Sight},
    leader::Leadership,
    metrics::Metrics,
    readiness::Readiness,
};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::Service;

use crate::{Case, wait};

const POLICY: &str = "e2e-own-operator";
/// On a namespace that the installed operator may write nothing into.
const LABEL: &str = "microservice.dev/e2e-operator";

/// An operator of the test's namespace alone, in the test's process.
pub struct OwnOperator {
    stop: CancellationToken,
    task: JoinHandle<()>,
    /// Its own numbers.
    pub metrics: Arc<Metrics>,
    refused: Refused,
}

/// `VERB path` of requests that it had no right to.
type Refused = Arc<Mutex<Vec<String>>>;

impl Case {
    /// Keeps the installed operator out of the test's namespace: from now on all it writes there is
    /// refused.
    pub async fn keep_installed_operator_out(&self) -> Result<()> {
        let params = PatchParams::apply("e2e").force();
        let account =
            format!("system:serviceaccount:{}:microservice-operator", self.settings.operator_namespace);
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
        let installed = Client::try_from(
            self.config_of(&self.settings.operator_namespace, "microservice-operator").await?,
        )?;
        let maps = Api::<ConfigMap>::namespaced(installed, &self.namespace);
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

    /// The cluster as an account sees it.
    pub async fn config_of(&self, namespace: &str, account: &str) -> Result<Config> {
        let mut config = Config::infer().await?;
        config.auth_info.impersonate = Some(format!("system:serviceaccount:{namespace}:{account}"));
        config.auth_info.impersonate_groups = Some(vec![
            "system:serviceaccounts".into(),
            format!("system:serviceaccounts:{namespace}"),
            "system:authenticated".into(),
        ]);
        Ok(config)
    }

    /// Starts an operator for the test's namespace, as an administrator or as an account of this
    /// namespace.
    pub async fn start_operator(
        &self,
        settings: controller::Settings,
        account: Option<&str>,
    ) -> Result<OwnOperator> {
        let config = match account {
            Some(account) => self.config_of(&self.namespace, account).await?,
            None => Config::infer().await?,
        };
        let refused = Refused::default();
        let layer = {
            let refused = refused.clone();
            tower::layer::layer_fn(move |inner| Recorder { inner, refused: refused.clone() })
        };
        let client = ClientBuilder::try_from(config)?.with_layer(&layer).build();
        let metrics = Arc::new(Metrics::new()?);
        let stop = CancellationToken::new();
        let sight = Sight { scope: Scope::new([self.namespace.clone()]), secrets: true };
        let running = controller::run(
            client,
            sight,
            settings,
            metrics.clone(),
            Readiness::default(),
            Leadership::alone(),
            stop.clone(),
        );
        let task = tokio::spawn(running.map(drop));
        Ok(OwnOperator { stop, task, metrics, refused })
    }
}

impl OwnOperator {
    /// `VERB path` of requests that it had no right to.
    pub fn refused(&self) -> Vec<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends it, as SIGTERM does.
    pub async fn stop(self) -> Result<()> {
        self.stop.cancel();
        self.task.await.context("the operator panicked")
    }
}

#[derive(Clone)]
struct Recorder<S> {
    inner: S,
    refused: Refused,
}

impl<S, B> Service<Request<Body>> for Recorder<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Error: Send + 'static,
    S::Future: Send + 'static,
    B: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let asked = format!("{} {}", request.method(), request.uri());
        let refused = self.refused.clone();
        let answer = self.inner.call(request);
        async move {
            let answer = answer.await?;
            if answer.status() == StatusCode::FORBIDDEN {
                refused.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
            }
            Ok(answer)
        }
        .boxed()
    }
}

use std::{
    fmt::Debug,
    io::{Write, stderr},
    panic::{AssertUnwindSafe, resume_unwind},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};
use futures::FutureExt;
use k8s_openapi::{
    NamespaceResourceScope,
    api::core::v1::{Namespace, Pod, ServiceAccount},
};
use kube::{
    Api, Client, Resource,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams},
};
use operator_core::api::Microservice;
use serde_json::{Value, json};
use tokio::{sync::Mutex, time::timeout};

use crate::{Kubectl, Settings, conditions, diagnostics, wait};

/// No test may take longer, whatever it waits for, unless it says so.
const LIMIT: Duration = Duration::from_mins(8);

/// Field manager of what the tests write as the owner of a Microservice.
const MANAGER: &str = "e2e";

/// One test: a cluster and a namespace of its own on it.
pub struct Case {
    /// Client of the cluster, as an administrator.
    pub client: Client,
    /// What the environment says.
    pub settings: Settings,
    /// The test's own namespace; pods in it must pass Pod Security `restricted`.
    pub namespace: String,
}

/// The turn of those that bear no other.
static ALONE: Mutex<()> = Mutex::const_new(());

/// Runs `test` in a namespace of its own and deletes that afterwards, also when the test fails or
/// panics; then the state of everything in it is printed first.
pub async fn run(name: &str, test: impl AsyncFnOnce(&Case) -> Result<()>) -> Result<()> {
    run_within(name, LIMIT, test).await
}

/// As [`run`], for a test that bears no other of these at the same time. The next one begins while the
/// namespace of the last goes.
pub async fn run_alone(name: &str, test: impl AsyncFnOnce(&Case) -> Result<()>) -> Result<()> {
    let turn = ALONE.lock().await;
    let ended = Ended::of(name, LIMIT, test).await?;
    drop(turn);
    ended.outcome().await
}

/// As [`run`], for a test that may take another time.
pub async fn run_within(
    name: &str,
    limit: Duration,
    test: impl AsyncFnOnce(&Case) -> Result<()>,
) -> Result<()> {
    Ended::of(name, limit, test).await?.outcome().await
}

/// A test that was run, with its namespace.
struct Ended {
    case: Case,
    name: String,
    took: Duration,
    /// An error is a panic.
    outcome: std::thread::Result<Result<()>>,
}

impl Ended {
    async fn of(name: &str, limit: Duration, test: impl AsyncFnOnce(&Case) -> Result<()>) -> Result<Self> {
        let case = Case::new(name).await?;
        let began = Instant::now();
        let outcome = match timeout(limit, AssertUnwindSafe(test(&case)).catch_unwind()).await {
            Ok(outcome) => outcome,
            Err(_) => Ok(Err(anyhow!("the test did not end within {limit:?}"))),
        };
        let ended = Self { case, name: name.into(), took: began.elapsed(), outcome };
        if ended.failed() {
            diagnostics::dump(&ended.case.settings, &ended.case.namespace).await;
        }
        Ok(ended)
    }

    fn failed(&self) -> bool {
        !matches!(self.outcome, Ok(Ok(())))
    }

    /// Deletes the namespace; what became of the test, or of that.
    async fn outcome(self) -> Result<()> {
        let failed = self.failed();
        let Self { case, name, took, outcome } = self;
        if failed && case.settings.keep {
            eprintln!("E2E_KEEP is set: namespace {} stays", case.namespace);
            return outcome.unwrap_or_else(|panic| resume_unwind(panic));
        }
        let began = Instant::now();
        let removed = case.remove().await;
        tell(&name, took, began.elapsed());
        outcome.unwrap_or_else(|panic| resume_unwind(panic))?;
        removed
    }
}

impl Case {
    async fn new(name: &str) -> Result<Self> {
        let settings = Settings::from_env()?;
        let client = Client::try_default().await.context(
            "no cluster: set KUBECONFIG, for the local one to the path that `make -s kubeconfig` prints",
        )?;
        let namespace = format!("e2e-{name}-{:06x}", fastrand::u32(..0x100_0000));
        let object: Namespace = serde_json::from_value(json!({ "metadata": { "name": namespace, "labels": {
            "microservice.dev/e2e": name,
            "pod-security.kubernetes.io/enforce": "restricted",
        }}}))?;
        Api::<Namespace>::all(client.clone())
            .create(&PostParams::default(), &object)
            .await
            .with_context(|| format!("can't create namespace {namespace}"))?;
        let case = Self { client, settings, namespace };
        // Pods are refused until the namespace has its default account.
        let accounts: Api<ServiceAccount> = case.api();
        wait::object(&accounts, "default", "the default ServiceAccount", wait::SHORT, |found| {
            found.is_some()
        })
        .await?;
        Ok(case)
    }

    /// Objects of one kind in the test's namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Objects of a kind known at run time in the test's namespace.
    pub fn dynamic(&self, kind: &ApiResource) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.namespace, kind)
    }

    /// `kubectl` in the test's namespace.
    pub fn kubectl(&self) -> Kubectl<'_> {
        Kubectl::new(&self.settings.kubectl, &self.namespace)
    }

    /// Applies a Microservice as its owner would: fields left out since the last time are removed.
    pub async fn apply(&self, name: &str, spec: Value) -> Result<Microservice> {
        let object = json!({
            "apiVersion": "microservice.dev/v1alpha1",
            "kind": "Microservice",
            "metadata": { "name": name },
            "spec": spec,
        });
        let params = PatchParams::apply(MANAGER).force().validation_strict();
        self.api::<Microservice>()
            .patch(name, &params, &Patch::Apply(object))
            .await
            .with_context(|| format!("can't apply Microservice {name}"))
    }

    /// Waits until a Microservice is Ready at the generation it has now.
    pub async fn ready(&self, name: &str) -> Result<Microservice> {
        let api = self.api::<Microservice>();
        let generation = api.get(name).await?.metadata.generation.unwrap_or_default();
        wait::found(&api, name, &format!("Ready=True at generation {generation}"), wait::LONG, |found| {
            conditions::is_ready_at(found, generation)
        })
        .await
    }

    /// Applies a Microservice and waits until it is Ready.
    pub async fn apply_ready(&self, name: &str, spec: Value) -> Result<Microservice> {
        self.apply(name, spec).await?;
        self.ready(name).await
    }

    /// Waits until a condition of a Microservice has a status and a reason, for the generation it has now.
    pub async fn condition(
        &self,
        name: &str,
        type_: &str,
        status: &str,
        reason: &str,
    ) -> Result<Microservice> {
        let api = self.api::<Microservice>();
        let generation = api.get(name).await?.metadata.generation;
        wait::found(&api, name, &format!("{type_}={status}, {reason}"), wait::LONG, |found| {
            conditions::find(found, type_).is_some_and(|c| {
                c.status == status && c.reason == reason && c.observed_generation == generation
            })
        })
        .await
    }

    /// The pods of a Microservice that are not ending.
    pub async fn pods(&self, name: &str) -> Result<Vec<Pod>> {
        let params = ListParams::default().labels(&format!("microservice.dev/name={name}"));
        let pods = self.api::<Pod>().list(&params).await?.items;
        Ok(pods.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).collect())
    }

    async fn remove(&self) -> Result<()> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        namespaces.delete(&self.namespace, &DeleteParams::default()).await?;
        // The namespace takes no new pods now; nobody needs the graceful end of these.
        let at_once = DeleteParams::default().grace_period(0);
        ignore(self.api::<Pod>().delete_collection(&at_once, &ListParams::default()).await);
        wait::object(&namespaces, &self.namespace, "the namespace to be gone", wait::LONG, |found| {
            found.is_none()
        })
        .await?;
        Ok(())
    }
}

/// Says how long it took, at once: the test's own output is shown only when it fails.
fn tell(name: &str, took: Duration, removal: Duration) {
    let line =
        format!("{:7.1} s  {name}, and {:.1} s to remove it\n", took.as_secs_f64(), removal.as_secs_f64());
    // Nothing depends on it.
    let _ = stderr().write_all(line.as_bytes());
}

/// For what may fail without harm.
fn ignore<T, E: Debug>(result: Result<T, E>) {
    if let Err(error) = result {
        eprintln!("ignored: {error:?}");
    }
}

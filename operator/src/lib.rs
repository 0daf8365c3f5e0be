//! The operator: turns `Microservice` resources into running, nginx-proxied, Prometheus-monitored
//! services.
//!
//! What it decides is in `operator-core`. Here is what talks to the cluster, each module above those that it
//! imports from: [`controller`] reconciles, [`cluster`] watches, reads and writes, [`process`] is all that
//! would be there for any other controller. `ARCHITECTURE.md` shows how they work together.

pub mod args;
pub mod cluster;
pub mod controller;
pub mod process;

use std::{
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use args::{Args, Command, RunArgs};
use cluster::watch::{Scope, WatchScope};
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client, Config, api::ListParams, client::ClientBuilder};
use operator_core::api::{self, Microservice};
use process::{
    admin,
    leader::{self, Elector, Fence, Leadership, Timing},
    metrics::Metrics,
    readiness::Readiness,
    requests::Counted,
    shutdown, telemetry,
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tower::limit::ConcurrencyLimitLayer;

/// Requests to the API server that wait for an answer at the same time, beside the watches. kube talks HTTP/1.1:
/// each has a connection, which takes 40 kB for as long as it is kept.
const REQUESTS: usize = 16;

/// The whole program.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let Args { command, run } = args;
    match command {
        Some(Command::Crd) => {
            let crd = serde_yaml::to_string(&api::crd()).context("the CRD can't be written as YAML")?;
            match io::stdout().write_all(crd.as_bytes()) {
                // Whoever was reading has had enough.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                written => Ok(written?),
            }
        }
        Some(Command::Run) | None => operate(run).await,
    }
}

async fn operate(args: RunArgs) -> anyhow::Result<()> {
    let RunArgs { service_image, proxy_image, log_level, log_format, .. } = &args;
    let admin_addr = args.admin_addr();
    telemetry::init(log_level, *log_format)?;
    let stop = shutdown::on_signal().context("signals can't be received")?;
    let metrics = Arc::new(Metrics::new().context("metrics can't be registered")?);
    let readiness = Readiness::default();
    let listener = TcpListener::bind(admin_addr)
        .await
        .with_context(|| format!("can't listen on {admin_addr}: set ADMIN_ADDR to a free address"))?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), %admin_addr, service_image, proxy_image, "starting");
    let admin = admin::serve(listener, metrics.clone(), readiness.clone(), stop.clone().cancelled_owned());
    let admin = tokio::spawn(admin);

    let config = Config::infer()
        .await
        .context("no cluster: run in a pod with a service account, or set KUBECONFIG")?;
    let scope = Scope::new(args.namespaces.clone());
    if wait_until_served(&Client::try_from(config.clone())?, &scope, &stop).await? {
        let scope = WatchScope { scope, secrets: args.watch_secrets };
        let settings = args.settings();
        let resign = CancellationToken::new();
        let (leadership, elector) = elect(&config, &args, resign.clone())?;
        tokio::spawn(leadership.clone().follow({
            let metrics = metrics.clone();
            move |leads| metrics.leads(leads)
        }));
        let client = fenced(config, leadership.clone(), &metrics)?;
        // An error ends the process at once, without release: something may still be running.
        controller::run(client, scope, settings, metrics, readiness, leadership, stop).await?;
        resign.cancel();
        if let Some(elector) = elector {
            elector.await.context("the elector ended badly")?;
        }
    }
    admin.await.context("the admin server ended badly")?.context("the admin server failed")?;
    tracing::info!("ended");
    Ok(())
}

/// Takes part in the election, if there is one.
fn elect(
    config: &Config,
    args: &RunArgs,
    resign: CancellationToken,
) -> anyhow::Result<(Leadership, Option<JoinHandle<()>>)> {
    if !args.leader_election {
        return Ok((Leadership::alone(), None));
    }
    // Connections of its own, that no reconcile can hold up. The elector tries again by itself, within
    // its own limits.
    let mut config = config.clone();
    config.default_retry = false;
    let client = Client::try_from(config.clone())?;
    let namespaces = [args.lease_namespace.as_deref(), args.pod_namespace.as_deref()];
    let namespace = namespaces.into_iter().flatten().find(|name| !name.is_empty());
    let elector = Elector {
        api: Api::<Lease>::namespaced(client, namespace.unwrap_or(&config.default_namespace)),
        name: args.lease_name.clone(),
        identity: leader::identity(args.hostname.as_deref()),
        timing: Timing::default(),
    };
    let (leadership, elector) = elector.spawn(resign);
    Ok((leadership, Some(elector)))
}

/// A client that writes only while this process leads, and whose requests are counted and bounded.
fn fenced(config: Config, leadership: Leadership, metrics: &Arc<Metrics>) -> kube::Result<Client> {
    let metrics = metrics.clone();
    let counted = tower::layer::layer_fn(move |service| Counted::new(service, metrics.clone()));
    let fence = tower::layer::layer_fn(move |service| Fence::new(service, leadership.clone()));
    // The last is the first: what waits for its turn has yet to pass the fence.
    let bounded = ConcurrencyLimitLayer::new(REQUESTS);
    Ok(ClientBuilder::try_from(config)?.with_layer(&counted).with_layer(&fence).with_layer(&bounded).build())
}

/// Waits until the API server knows Microservices; false if the operator is told to end before.
async fn wait_until_served(client: &Client, scope: &Scope, stop: &CancellationToken) -> anyhow::Result<bool> {
    loop {
        let mut refused = Vec::new();
        let namespaces = scope.watch_namespaces();
        for namespace in &namespaces {
            let api = Api::<Microservice>::all(client.clone()).constrain(namespace);
            match api.list_metadata(&ListParams::default().limit(1)).await {
                // One namespace stands for all: another may be gone, and its Role with it.
                Ok(_) => return Ok(true),
                Err(kube::Error::Api(status)) if status.code == 401 || status.code == 403 => {
                    refused.push(status.message);
                }
                Err(kube::Error::Api(status)) if status.is_not_found() => {
                    tracing::warn!(
                        "the cluster has no Microservices: install the CRD (crds/microservices.microservice.dev.yaml)"
                    );
                }
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the API server does not answer, trying again"
                ),
            }
        }
        anyhow::ensure!(
            refused.len() < namespaces.len(),
            "the API server refuses to list Microservices ({}): install the chart's roles and bindings",
            refused.join("; ")
        );
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(2)) => {}
            () = stop.cancelled() => return Ok(false),
        }
    }
}

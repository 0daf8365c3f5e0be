//! The operator: turns `Microservice` resources into running, nginx-proxied, Prometheus-monitored
//! services.
//!
//! [`controller`] reconciles, [`build`] makes the objects, [`api`] is what users write; the rest is
//! the process around them. `ARCHITECTURE.md` shows how they work together.

pub mod admin;
pub mod api;
pub mod args;
pub mod build;
pub mod controller;
pub mod metrics;
pub mod readiness;
mod shutdown;
mod telemetry;

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use api::Microservice;
use args::{Args, Command, RunArgs};
use controller::Settings;
use kube::{Api, Client, api::ListParams};
use metrics::Metrics;
use readiness::Readiness;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The whole program.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let Args { command, run } = args;
    match command {
        Some(Command::Crd) => {
            print!("{}", serde_yaml::to_string(&api::crd()).context("the CRD can't be written as YAML")?);
            Ok(())
        }
        Some(Command::Run) | None => operate(run).await,
    }
}

async fn operate(args: RunArgs) -> anyhow::Result<()> {
    let RunArgs { service_image, proxy_image, admin_addr, log_level, log_format } = args;
    telemetry::init(&log_level, log_format)?;
    let stop = shutdown::on_signal().context("signals can't be received")?;
    let metrics = Arc::new(Metrics::new().context("metrics can't be registered")?);
    let readiness = Readiness::default();
    let listener = TcpListener::bind(admin_addr)
        .await
        .with_context(|| format!("can't listen on {admin_addr}: set ADMIN_ADDR to a free address"))?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), %admin_addr, service_image, proxy_image, "starting");
    let admin = admin::serve(listener, metrics.clone(), readiness.clone(), stop.clone().cancelled_owned());
    let admin = tokio::spawn(admin);

    let client = Client::try_default()
        .await
        .context("no cluster: run in a pod with a service account, or set KUBECONFIG")?;
    if wait_until_served(&client, &stop).await? {
        let settings = Settings { service_image, proxy_image };
        controller::run(client, settings, metrics, readiness, stop).await;
    }
    admin.await.context("the admin server ended badly")?.context("the admin server failed")?;
    tracing::info!("ended");
    Ok(())
}

/// Waits until the API server knows Microservices; false if the operator is told to end before.
async fn wait_until_served(client: &Client, stop: &CancellationToken) -> anyhow::Result<bool> {
    let api = Api::<Microservice>::all(client.clone());
    loop {
        match api.list_metadata(&ListParams::default().limit(1)).await {
            Ok(_) => return Ok(true),
            Err(kube::Error::Api(status)) if status.code == 401 || status.code == 403 => {
                anyhow::bail!(
                    "the API server refuses to list Microservices ({}): install the chart's ClusterRole and binding",
                    status.message
                );
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
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(2)) => {}
            () = stop.cancelled() => return Ok(false),
        }
    }
}

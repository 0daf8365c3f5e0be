//! An operator that dies as a process does, and the next one that starts in its place.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use anyhow::Result;
use e2e::Case;
use kube::{Client, Config};
use operator::process::{metrics::Metrics, readiness::Readiness};
use operator_core::model::Settings;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use super::{plan::Faults, relay::Relay};

/// A runtime of its own: with it ends whatever the operator has begun.
struct Mortal(Option<Runtime>);

impl Mortal {
    fn start(address: SocketAddr, namespace: &str, settings: Settings) -> Result<Self> {
        let config = Config::new(format!("http://{address}").parse()?);
        let metrics = Arc::new(Metrics::new()?);
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let namespace = namespace.to_owned();
        runtime.spawn(async move {
            match Client::try_from(config) {
                Ok(client) => {
                    let (readiness, stop) = (Readiness::default(), CancellationToken::new());
                    e2e::operate(client, namespace, settings, metrics, readiness, stop).await;
                }
                Err(error) => eprintln!("no operator: {error}"),
            }
        });
        Ok(Self(Some(runtime)))
    }
}

impl Drop for Mortal {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Operators of the test's namespace, one after the other, for ever.
pub async fn operators(case: &Case, faults: Arc<Faults>) -> Result<Infallible> {
    let mut config = Config::infer().await?;
    config.default_retry = false;
    let upstream = Client::try_from(config)?;
    let settings = Settings {
        service_image: "example.com/service:1".into(),
        proxy_image: "example.com/nginx:1".into(),
        statsd_image: "example.com/statsd:1".into(),
        ..Settings::default()
    };
    loop {
        let relay = Relay::start(upstream.clone(), faults.clone()).await?;
        let _operator = Mortal::start(relay.address, &case.namespace, settings.clone())?;
        relay.death.cancelled().await;
    }
}

//! `microservice serve`.

use std::{process::ExitCode, thread::available_parallelism};

use anyhow::Context;
use chassis::{
    App, Outcome, Server, Shutdown,
    config::{Loaded, Settings, Sources},
    logging,
    logship::LogShip,
    proxied_client::ProxiedClient,
    server::{
        Size,
        reload::{self, Reload},
    },
};

use crate::{Config, alias::Alias, cli::trust};

/// Serves until told to stop. Exit code 0 when every request was answered, 1 when some were cut off.
pub(crate) fn run(sources: Sources, alias: Alias) -> anyhow::Result<ExitCode> {
    let loaded = Config::load(&sources)?;
    alias.announce(&sources, &loaded)?;
    let Loaded { config, settings, warnings } = loaded;
    let app = App::new()?;
    let ship = LogShip::open(&config.chassis.logship, app.metrics())?;
    let _log = logging::init_shipped(&config.chassis.logging, app.metrics(), ship.as_ref())?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    trust(&config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads(&config))
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let outcome = runtime.block_on(async {
        let shipping = ship.map(LogShip::start);
        let outcome = serve(sources, config, settings, app).await;
        if let Some(shipping) = shipping {
            shipping.end().await;
        }
        outcome
    })?;
    Ok(if outcome == Outcome::Drained { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// More threads than cores gain nothing, and more than workers have nothing to do.
fn threads(config: &Config) -> usize {
    let workers = usize::try_from(config.chassis.server.workers.get()).unwrap_or(usize::MAX);
    available_parallelism().map_or(1, usize::from).min(workers)
}

async fn serve(sources: Sources, config: Config, settings: Settings, app: App) -> anyhow::Result<Outcome> {
    let shutdown = Shutdown::on_signals().context("cannot wait for signals")?;
    let app = config.profile.mount(app, &config)?;
    if config.chassis.proxy.socks_url.is_some() {
        let client = ProxiedClient::open(&config.chassis.proxy).await?;
        tokio::spawn(client.keep_user_agents_fresh());
    }
    let server = Server::bind(&config.chassis, app).await?;
    let _reload = watch(sources, &config, settings, &server);
    tracing::info!(
        "serving {} on http://{}, admin on http://{}, {} workers",
        config.chassis.service.name,
        server.service_address(),
        server.admin_address(),
        config.chassis.server.workers.get(),
    );
    Ok(server.run(shutdown).await)
}

/// A service that cannot watch its file is still a service: a change needs a restart then.
fn watch(sources: Sources, config: &Config, settings: Settings, server: &Server) -> Option<Reload> {
    let file = sources.file.clone()?;
    let started = reload::Snapshot { settings, size: Size::of(&config.chassis.server) };
    let load = move || {
        let Loaded { config, settings, .. } = Config::load(&sources)?;
        Ok(reload::Snapshot { settings, size: Size::of(&config.chassis.server) })
    };
    reload::watch(&file, server.workers(), started, Box::new(load))
        .inspect_err(|error| {
            tracing::warn!("{} is not watched, its changes need a restart: {error}", file.display());
        })
        .ok()
}

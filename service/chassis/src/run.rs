//! From a configuration and routes to a service that runs, and to its end.

use std::{
    error::Error,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    thread::available_parallelism,
};

use chassis_config::{ConfigError, Loaded, Reader, Settings, Sources, load};
#[cfg(feature = "logship")]
use chassis_extras::logship::{LogShip, LogShipError};
#[cfg(feature = "proxy")]
use chassis_extras::proxied_client::{OpenError, ProxiedClient};
use chassis_http::error_chain::chain;
use chassis_telemetry::logging::{self, LogError};
use chassis_wire::TlsError;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    App, Outcome, Server, Shutdown,
    config::Config,
    server::{
        ServerError, Size, descriptors,
        reload::{self, Load, Snapshot},
    },
};

/// `EX_USAGE` of sysexits: a wrong configuration, which a restart will not cure.
const BAD_CONFIG: u8 = 64;

/// Why a service does not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It cannot be configured so.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A metric cannot be made.
    #[error(transparent)]
    Metrics(#[from] prometheus::Error),
    /// Log lines cannot be kept to be shipped.
    #[cfg(feature = "logship")]
    #[error(transparent)]
    LogShip(#[from] LogShipError),
    /// There can be no log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The authorities of `tls.ca_file` cannot be believed.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// There are no threads.
    #[error("cannot start the runtime")]
    Runtime(#[source] io::Error),
    /// Nobody could end it.
    #[error("cannot wait for signals")]
    Signals(#[source] io::Error),
    /// What the features say.
    #[error(transparent)]
    Mount(Box<dyn Error + Send + Sync>),
    /// The SOCKS proxy is away, and the service is not to run without it.
    #[cfg(feature = "proxy")]
    #[error(transparent)]
    Proxy(#[from] OpenError),
    /// What the server says.
    #[error(transparent)]
    Server(#[from] ServerError),
}

/// Serves what `mount` adds to an app until SIGTERM or SIGINT, as the environment, the flags `--config FILE` and
/// `--set KEY=VALUE` and their file say; `read` reads the sections of the service's own beside those of the chassis. A
/// change of the file, or SIGHUP, makes it look at them again.
///
/// Exit code 0 when every request was answered, 1 when some were cut off or the service could not start, 64 when the
/// configuration is wrong; what is wrong is on standard error.
pub fn run<C: AsRef<Config> + 'static, E: Into<Box<dyn Error + Send + Sync>>>(
    read: fn(&mut Reader<'_>) -> C,
    mount: impl FnOnce(App, &C) -> Result<App, E>,
) -> ExitCode {
    let (file, set) = flags(std::env::args().skip(1));
    match run_from(Sources::from_process(file, set), read, mount) {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            _ = writeln!(io::stderr(), "{}", chain(&error));
            if let RunError::Config(_) = error { ExitCode::from(BAD_CONFIG) } else { ExitCode::FAILURE }
        }
    }
}

/// The same for a program with a command line of its own. Blocks until the service has ended.
pub fn run_from<C: AsRef<Config> + 'static, E: Into<Box<dyn Error + Send + Sync>>>(
    sources: Sources,
    read: fn(&mut Reader<'_>) -> C,
    mount: impl FnOnce(App, &C) -> Result<App, E>,
) -> Result<Outcome, RunError> {
    let Loaded { config: own, settings, warnings } = load(&sources, read)?;
    let config = own.as_ref();
    let app = App::new()?;
    #[cfg(feature = "logship")]
    let ship = LogShip::open(&config.logship, app.metrics())?;
    #[cfg(feature = "logship")]
    let lines = ship.as_ref().map(LogShip::sink);
    #[cfg(not(feature = "logship"))]
    let lines = None;
    let _log = logging::init_with(&config.logging, app.metrics(), lines)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    config.tls.trust()?;
    descriptors::raise();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(threads()).enable_all().build().map_err(RunError::Runtime)?;
    let outcome = runtime.block_on(async {
        #[cfg(feature = "logship")]
        let shipping = ship.map(LogShip::start);
        let outcome = serve(sources, read, &own, settings, || mount(app, &own)).await;
        #[cfg(feature = "logship")]
        if let Some(shipping) = shipping {
            shipping.end().await;
        }
        outcome
    });
    // What is left are threads that wait for a disk or for the address of a name, for nobody any more.
    runtime.shutdown_background();
    outcome
}

/// Everything that keeps [`run_from`] from starting, but for other servers and ports in use: whatever can be found out
/// without a trace. Returns the warnings of a start.
pub fn check<C: AsRef<Config>, E: Into<Box<dyn Error + Send + Sync>>>(
    sources: &Sources,
    read: fn(&mut Reader<'_>) -> C,
    mount: impl FnOnce(App, &C) -> Result<App, E>,
) -> Result<Vec<String>, Vec<RunError>> {
    let Loaded { config: own, warnings, .. } = load(sources, read).map_err(|error| vec![error.into()])?;
    let config = own.as_ref();
    let mut errors: Vec<RunError> = Vec::new();
    errors.extend(logging::check(&config.logging).err().map(Into::into));
    #[cfg(feature = "logship")]
    errors.extend(LogShip::check(&config.logship).err().map(Into::into));
    #[cfg(feature = "proxy")]
    errors.extend(ProxiedClient::check_files(&config.proxy).err().map(Into::into));
    errors.extend(config.tls.trust().err().map(Into::into));
    let app = App::new().map_err(RunError::from);
    let app = app.and_then(|app| mount(app, &own).map_err(|error| RunError::Mount(error.into())));
    match app {
        Ok(app) => errors.extend(Server::check(config, app).err().map(Into::into)),
        Err(error) => errors.push(error),
    }
    for (key, listen) in [("server.listen", &config.server.listen), ("server.admin", &config.server.admin)] {
        match std::net::TcpListener::bind((listen.host.as_str(), listen.port)) {
            // Perhaps by the service itself, whose next configuration this is.
            Err(reason) if reason.kind() == io::ErrorKind::AddrInUse => {}
            Err(reason) => errors.push(ServerError::Bind { key, listen: listen.clone(), reason }.into()),
            Ok(_) => {}
        }
    }
    if errors.is_empty() { Ok(warnings) } else { Err(errors) }
}

/// More threads than cores gain nothing. The workers play no part: their number changes, that of threads does not.
fn threads() -> usize {
    available_parallelism().map_or(1, usize::from)
}

async fn serve<C: AsRef<Config> + 'static, E: Into<Box<dyn Error + Send + Sync>>>(
    sources: Sources,
    read: fn(&mut Reader<'_>) -> C,
    own: &C,
    settings: Settings,
    mount: impl FnOnce() -> Result<App, E>,
) -> Result<Outcome, RunError> {
    let config = own.as_ref();
    let shutdown = Shutdown::on_signals().map_err(RunError::Signals)?;
    let hangup = signal(SignalKind::hangup()).map_err(RunError::Signals)?;
    let app = mount().map_err(|error| RunError::Mount(error.into()))?;
    let starting = async {
        #[cfg(feature = "proxy")]
        if config.proxy.socks_url.is_some() {
            let client = ProxiedClient::open(&config.proxy).await?;
            tokio::spawn(client.keep_user_agents_fresh());
        }
        Ok::<_, RunError>(Server::bind(config, app).await?)
    };
    let Some(server) = shutdown.before(starting).await.transpose()? else {
        tracing::info!("shutting down before the start was over");
        return Ok(Outcome::Drained);
    };
    let started = Snapshot { settings, size: Size::of(&config.server) };
    let file = sources.file.clone();
    let again: Load = Box::new(move || {
        let Loaded { config, settings, .. } = load(&sources, read)?;
        Ok(Snapshot { settings, size: Size::of(&config.as_ref().server) })
    });
    let _reload = reload::watch(file.as_deref(), hangup, server.workers(), started, again);
    tracing::info!(
        "serving {} on http://{}, admin on http://{}, {} workers",
        config.service.name,
        server.service_address(),
        server.admin_address(),
        config.server.workers.get(),
    );
    Ok(server.run(shutdown).await)
}

/// What follows `--config`, and what follows each `--set`.
fn flags(mut args: impl Iterator<Item = String>) -> (Option<PathBuf>, Vec<(String, String)>) {
    let (mut file, mut set) = (None, Vec::new());
    while let Some(flag) = args.next() {
        match flag.as_str() {
            "--config" => file = args.next().map(PathBuf::from),
            "--set" => {
                let pair = args.next().unwrap_or_default();
                let (key, value) = pair.split_once('=').unwrap_or((&pair, ""));
                set.push((key.to_owned(), value.to_owned()));
            }
            _ => {}
        }
    }
    (file, set)
}

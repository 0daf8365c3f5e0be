//! The command line.

use std::{io, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context;
use chassis::{
    App,
    config::{self, EditError, Sources, Value},
    db::migration::Record,
    logship,
    notify::{DeadLetter, Delivery, Retry},
    run::RunError,
    wire::{Fetched, fetch},
};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{
    Config, Profile,
    alias::Alias,
    fetch::Fetch,
    print::{complain, say},
    uwsgi::with_ini,
};

/// How long a probe may take; the platform's own limit is usually longer.
const HEALTH_LIMIT: Duration = Duration::from_secs(3);

/// A service on the chassis: configured by a file and the environment, watched, drained in order.
#[derive(Debug, Parser)]
#[command(name = "microservice", version)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Args)]
struct Common {
    /// Configuration file (YAML, JSON or TOML); else the one that `CHASSIS_CONFIG`, `PYMICRO_CONFIG` or
    /// `SANIC_CONFIG_MODULE` names.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// uWSGI's configuration file: `processes`, `gevent` and `http-timeout` count where no variable says otherwise.
    #[arg(long, global = true, value_name = "FILE")]
    ini: Option<PathBuf>,
    /// Set one key, above every other layer, for example `--set server.workers=8`.
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = assignment)]
    set: Vec<(String, String)>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until SIGTERM or SIGINT (the default).
    Serve,
    /// Look at the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Bring the tables of the profile's features to their last version.
    Migrate {
        /// Change nothing: say which steps were taken and which are pending.
        #[arg(long)]
        status: bool,
    },
    /// Print the description of the API.
    Openapi {
        /// `v3`: OpenAPI 3.1, as `/openapi/v3.json`; `v2`: Swagger 2.0, as `/openapi/spec.json`.
        #[arg(long, value_enum, default_value_t = Generation::V3)]
        version: Generation,
    },
    /// Leave messages for people, and send them.
    #[command(subcommand)]
    Notify(NotifyCommand),
    /// Look after log lines.
    #[command(subcommand)]
    Logs(LogsCommand),
    /// Ask `/readyz` of the admin port; exit code 0 if ready.
    Healthcheck,
    /// Fetch a URL and print the body; exit code 1 for a status of 400 or more, which goes to standard error.
    Fetch(Fetch),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Report everything that keeps a start from success; exit code 64 if it is the configuration, else 1.
    Check,
    /// Print what is in force. Secrets are hidden: write them in their places before you use it as a file.
    Print {
        /// `yaml`: a configuration file with the origin of each value; `json`: for each key its value, its origin
        /// and whether it is live; `env`: `PYMICRO...` lines for a shell.
        #[arg(long, value_enum, default_value_t = PrintFormat::Yaml)]
        format: PrintFormat,
    },
    /// Set one key in the file; exit code 1 if something else has the last word.
    Set {
        /// One to five names, for example `server.workers`; its section has to be in the file.
        key: String,
        /// What it is to be. One with which the service would not start is refused.
        value: String,
    },
    /// Say what a setting means, how it is written, its default and its other names.
    Explain {
        /// A key, a variable or a section, for example `server.workers`. Default all keys.
        key: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
enum NotifyCommand {
    /// Keep a message; a running service, or `notify flush`, sends it.
    Send {
        /// At most 64 KiB.
        message: String,
    },
    /// Send all messages now; exit code 1 if a channel fails, whose messages are kept.
    Flush,
    /// List the messages that a channel refuses for good, and why.
    List,
    /// Send messages of that list once more; exit code 1 if one is refused again.
    Retry {
        /// Ids from `notify list`. Default all.
        ids: Vec<i64>,
    },
    /// Remove messages from that list.
    Discard {
        /// Ids from `notify list`.
        #[arg(required = true)]
        ids: Vec<i64>,
    },
}

#[derive(Debug, Subcommand)]
enum LogsCommand {
    /// Send the log lines that wait in `logship.file` and beside it; exit code 1 if some still do.
    Ship,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Generation {
    V2,
    V3,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PrintFormat {
    Env,
    Json,
    Yaml,
}

impl Cli {
    /// Does what was asked. A [`chassis::config::ConfigError`] stays recognisable inside the error.
    pub fn run(self, alias: Alias) -> anyhow::Result<ExitCode> {
        let Self { common: Common { config, ini, set }, command } = self;
        let sources = Sources::from_process(config, set);
        let sources = match ini {
            Some(path) => with_ini(sources, &path)?,
            None => sources,
        };
        match command.unwrap_or(Command::Serve) {
            Command::Serve => serve(sources, alias),
            Command::Config(ConfigCommand::Check) => check(&sources),
            Command::Config(ConfigCommand::Print { format }) => print(&sources, format),
            Command::Config(ConfigCommand::Set { key, value }) => set_key(&sources, &key, &value),
            Command::Config(ConfigCommand::Explain { key }) => {
                let text = Config::settings(&sources).explain(&key.unwrap_or_default())?;
                say!("{}", text.trim_end())?;
                Ok(ExitCode::SUCCESS)
            }
            Command::Migrate { status } => block_on(migrate(&sources, status))?,
            Command::Openapi { version } => openapi(&sources, version),
            Command::Notify(command) => notify(&sources, command),
            Command::Logs(LogsCommand::Ship) => ship(&sources),
            Command::Healthcheck => healthcheck(&sources),
            Command::Fetch(fetch) => {
                let config = Config::load(&sources)?.config;
                config.chassis.tls.trust()?;
                block_on(fetch.run(&config.chassis))?
            }
        }
    }
}

/// Serves until told to stop. Exit code 0 when every request was answered, 1 when some were cut off.
fn serve(sources: Sources, alias: Alias) -> anyhow::Result<ExitCode> {
    alias.announce(&sources)?;
    let mount = |app: App, config: &Config| Profile::mount(config.profile, app, config);
    match chassis::run_from(sources, Config::read, mount) {
        Ok(outcome) => Ok(outcome.into()),
        Err(error) => Err(of_start(error)),
    }
}

fn check(sources: &Sources) -> anyhow::Result<ExitCode> {
    let mount = |app: App, config: &Config| Profile::mount(config.profile, app, config);
    let warnings = match chassis::run::check(sources, Config::read, mount) {
        Ok(warnings) => warnings,
        Err(errors) => {
            let mut errors = errors.into_iter().map(of_start);
            let first = errors.next().context("the service would not start")?;
            for error in errors {
                complain!("microservice: {error:#}");
            }
            return Err(first);
        }
    };
    for warning in &warnings {
        complain!("warning: {warning}");
    }
    match warnings.len() {
        0 => say!("the configuration is good")?,
        1 => say!("the configuration can be used, with 1 warning")?,
        count => say!("the configuration can be used, with {count} warnings")?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A wrong configuration has an exit code of its own.
fn of_start(error: RunError) -> anyhow::Error {
    match error {
        RunError::Config(error) => error.into(),
        error => error.into(),
    }
}

fn set_key(sources: &Sources, key: &str, value: &str) -> anyhow::Result<ExitCode> {
    let edited = match config::set(sources, key, value, Config::load) {
        Ok(edited) => edited,
        // For the exit code.
        Err(EditError::Config(error)) => return Err(error.into()),
        Err(error) => return Err(error.into()),
    };
    if let Some(origin) = edited.overridden {
        anyhow::bail!("the file has {key} now, but {origin} has the last word: change it there");
    }
    let when = if edited.live { "at once" } else { "with its next start" };
    say!("the file has {key} now; a running service takes it up {when}")?;
    Ok(ExitCode::SUCCESS)
}

fn print(sources: &Sources, format: PrintFormat) -> anyhow::Result<ExitCode> {
    let loaded = Config::load(sources)?;
    match format {
        PrintFormat::Yaml => say!("{}", loaded.settings.to_yaml().trim_end())?,
        PrintFormat::Json => say!("{}", serde_json::to_string_pretty(&loaded.settings)?)?,
        // Contract 1.6.33.
        PrintFormat::Env => {
            let chassis::Config { server, metrics, .. } = &loaded.config.chassis;
            let (listen, statsd) = (&server.listen, &metrics.statsd);
            say!("PYMICRO={listen}\nPYMICRO_HOST={}\nPYMICRO_PORT={}", listen.host, listen.port)?;
            say!("PYMICRO_SEND_METRICS={}\nPYMICRO_STATSD={statsd}", metrics.push)?;
            say!("PYMICRO_STATSD_HOST={}\nPYMICRO_STATSD_PORT={}", statsd.host, statsd.port)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Contract 5.4.20.
async fn migrate(sources: &Sources, status: bool) -> anyhow::Result<ExitCode> {
    let config = Config::load(sources)?.config;
    let Some(database) = config.profile.database(&mut App::new()?, &config)? else {
        say!("the profile {} has no tables", config.profile.text())?;
        return Ok(ExitCode::SUCCESS);
    };
    if config.chassis.db.url.is_memory() {
        complain!("warning: the database is in memory and ends with this command; set db.url");
    }
    if status {
        let history = database.history().await?;
        for Record { step, author, time } in history.recorded {
            let author = author.map(|author| format!(" by {author}")).unwrap_or_default();
            say!("recorded  {step}  {time}{author}")?;
        }
        for step in history.pending {
            say!("pending   {step}")?;
        }
    } else {
        // Nobody who has stopped reading stops a migration.
        database.migrate(&mut |line| _ = say!("{line}")).await?;
        say!("Success Migration")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn openapi(sources: &Sources, version: Generation) -> anyhow::Result<ExitCode> {
    let config = Config::load(sources)?.config;
    let app = config.profile.mount(App::new()?, &config)?;
    let description = app.description(&config.chassis);
    let document = match version {
        Generation::V2 => description.swagger(),
        Generation::V3 => description.openapi(),
    };
    say!("{document:#}")?;
    Ok(ExitCode::SUCCESS)
}

fn notify(sources: &Sources, command: NotifyCommand) -> anyhow::Result<ExitCode> {
    // Who only keeps a message needs no password of those who send it.
    let channels: &[&str] = match command {
        NotifyCommand::Send { .. } => &["notify.email.", "notify.slack."],
        _ => &[],
    };
    let config = config::load_but(sources, channels, Config::read)?.config;
    config.chassis.tls.trust()?;
    let notifier = App::new()?.notify(&config.chassis)?.notifier();
    let notifier = notifier
        .context("notifications are off; set notify.email.enabled or notify.slack.enabled to true")?;
    match command {
        NotifyCommand::Send { message } => {
            block_on(notifier.send(&message))??;
            Ok(ExitCode::SUCCESS)
        }
        NotifyCommand::Flush => {
            let code = report(block_on(notifier.flush())?)?;
            let aside = block_on(notifier.dead_letters())??.len();
            if aside > 0 {
                complain!("{aside} messages are set aside: microservice notify list says why");
            }
            Ok(code)
        }
        NotifyCommand::List => {
            let letters = block_on(notifier.dead_letters())??;
            for DeadLetter { id, channel, recipients, service, time, message, reason } in letters {
                let whom = if recipients.is_empty() { "everybody".to_owned() } else { recipients.join(", ") };
                let message = message.trim_end();
                say!("{id}  {time}  {channel} to {whom}: {reason}\n    {service}: {message}")?;
            }
            Ok(ExitCode::SUCCESS)
        }
        NotifyCommand::Retry { ids } => {
            let mut code = ExitCode::SUCCESS;
            for Retry { id, refused } in block_on(notifier.retry(&ids))?? {
                match refused {
                    None => say!("{id}: sent")?,
                    Some(reason) => {
                        complain!("{id}: refused again: {reason}");
                        code = ExitCode::FAILURE;
                    }
                }
            }
            Ok(code)
        }
        NotifyCommand::Discard { ids } => {
            for id in ids {
                if !block_on(notifier.discard(id))?? {
                    anyhow::bail!("there is no message {id}; microservice notify list shows which there are");
                }
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn report(deliveries: Vec<Delivery>) -> io::Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    for Delivery { channel, outcome } in deliveries {
        match outcome {
            Ok(count) => say!("{channel}: {count} sent")?,
            Err(error) => {
                complain!("{channel}: {:#}", anyhow::Error::new(error));
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

fn ship(sources: &Sources) -> anyhow::Result<ExitCode> {
    let config = Config::load(sources)?.config;
    config.chassis.tls.trust()?;
    let lines = block_on(logship::ship(&config.chassis.logship))??;
    say!("{lines} log lines are shipped")?;
    Ok(ExitCode::SUCCESS)
}

fn healthcheck(sources: &Sources) -> anyhow::Result<ExitCode> {
    let loaded = Config::load(sources)?;
    let url = loaded.config.chassis.server.admin.local_url("/readyz");
    let Fetched { status, body } = block_on(fetch(&url, None, HEALTH_LIMIT))??;
    if status.is_success() {
        return Ok(ExitCode::SUCCESS);
    }
    complain!("{status} {}", String::from_utf8_lossy(&body).trim_end());
    Ok(ExitCode::FAILURE)
}

fn block_on<T>(work: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(runtime.context("cannot start the runtime")?.block_on(work))
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE, for example server.workers=8")?;
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_are_read_before_and_after_the_command() {
        let cli = Cli::parse_from([
            "microservice",
            "--set",
            "server.workers=8",
            "config",
            "check",
            "--config",
            "x",
        ]);
        assert_eq!(cli.common.set, [("server.workers".to_owned(), "8".to_owned())]);
        assert_eq!(cli.common.config, Some(PathBuf::from("x")));
        assert!(Cli::try_parse_from(["microservice", "--set", "server.workers"]).is_err());
    }
}

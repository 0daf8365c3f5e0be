//! The command line.

use std::{io::Write, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context;
use chassis::{
    App,
    config::{Sources, Span, Value},
    db::migration::Record,
    http_client::{Fetched, fetch},
    openapi::Description,
};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{Config, serve};

/// How long a probe may take; the platform's own limit is usually longer.
const HEALTH_LIMIT: Duration = Duration::from_secs(3);

/// A service on the chassis: configured by a file and the environment, watched, drained in order.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Args)]
struct Common {
    /// Configuration file (YAML); else the file that `CHASSIS_CONFIG` or `PYMICRO_CONFIG` names.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
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
    /// Ask `/readyz` of the admin port; exit code 0 if ready.
    Healthcheck,
    /// Fetch a URL and print the body; exit code 1 for a status of 400 or more, which goes to standard error.
    Fetch {
        /// For example <http://hello/microservice>.
        url: String,
        /// POST this as JSON instead of a GET.
        #[arg(long, value_name = "BODY")]
        data: Option<String>,
        /// For the whole exchange, for example `500ms` or `10s`.
        #[arg(long, default_value = "10s", value_parser = duration)]
        timeout: Duration,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Report every problem; exit code 64 if there is one.
    Check,
    /// Print what is in force.
    Print {
        /// `yaml`: a configuration file with the origin of each value; `env`: `PYMICRO...` lines for a shell.
        #[arg(long, value_enum, default_value_t = PrintFormat::Yaml)]
        format: PrintFormat,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Generation {
    V2,
    V3,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PrintFormat {
    Env,
    Yaml,
}

impl Cli {
    /// Does what was asked. A [`chassis::config::ConfigError`] stays recognisable inside the error.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let Self { common: Common { config, set }, command } = self;
        let sources = Sources::from_process(config, set);
        match command.unwrap_or(Command::Serve) {
            Command::Serve => serve::run(sources),
            Command::Config(ConfigCommand::Check) => check(&sources),
            Command::Config(ConfigCommand::Print { format }) => print(&sources, format),
            Command::Migrate { status } => block_on(migrate(&sources, status))?,
            Command::Openapi { version } => openapi(&sources, version),
            Command::Healthcheck => healthcheck(&sources),
            Command::Fetch { url, data, timeout } => {
                let Fetched { status, body } = block_on(fetch(&url, data, timeout))??;
                std::io::stdout().write_all(&body).context("cannot write the body")?;
                if status.as_u16() < 400 {
                    return Ok(ExitCode::SUCCESS);
                }
                eprintln!("{status}");
                Ok(ExitCode::FAILURE)
            }
        }
    }
}

fn check(sources: &Sources) -> anyhow::Result<ExitCode> {
    let loaded = Config::load(sources)?;
    for warning in loaded.warnings {
        eprintln!("warning: {warning}");
    }
    println!("the configuration is good");
    Ok(ExitCode::SUCCESS)
}

fn print(sources: &Sources, format: PrintFormat) -> anyhow::Result<ExitCode> {
    let loaded = Config::load(sources)?;
    match format {
        PrintFormat::Yaml => print!("{}", loaded.settings.to_yaml()),
        // Contract 1.6.33.
        PrintFormat::Env => {
            let chassis::Config { server, metrics, .. } = &loaded.config.chassis;
            let (listen, statsd) = (&server.listen, &metrics.statsd);
            println!("PYMICRO={listen}\nPYMICRO_HOST={}\nPYMICRO_PORT={}", listen.host, listen.port);
            println!("PYMICRO_SEND_METRICS={}\nPYMICRO_STATSD={statsd}", metrics.push);
            println!("PYMICRO_STATSD_HOST={}\nPYMICRO_STATSD_PORT={}", statsd.host, statsd.port);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Contract 5.4.20.
async fn migrate(sources: &Sources, status: bool) -> anyhow::Result<ExitCode> {
    let config = Config::load(sources)?.config;
    let Some(database) = config.profile.database(&mut App::new()?, &config)? else {
        println!("the profile {} has no tables", config.profile.text());
        return Ok(ExitCode::SUCCESS);
    };
    if config.chassis.db.url.is_memory() {
        eprintln!("warning: the database is in memory and ends with this command; set db.url");
    }
    if status {
        let history = database.history().await?;
        for Record { step, author, time } in history.recorded {
            let author = author.map(|author| format!(" by {author}")).unwrap_or_default();
            println!("recorded  {step}  {time}{author}");
        }
        history.pending.iter().for_each(|step| println!("pending   {step}"));
    } else {
        database.migrate(&mut |line| println!("{line}")).await?;
        println!("Success Migration");
    }
    Ok(ExitCode::SUCCESS)
}

fn openapi(sources: &Sources, version: Generation) -> anyhow::Result<ExitCode> {
    let config = Config::load(sources)?.config;
    let app = config.profile.mount(App::new()?, &config)?;
    let description = Description::of(&config.chassis, &app);
    let document = match version {
        Generation::V2 => description.swagger(),
        Generation::V3 => description.openapi(),
    };
    println!("{document:#}");
    Ok(ExitCode::SUCCESS)
}

fn healthcheck(sources: &Sources) -> anyhow::Result<ExitCode> {
    let loaded = Config::load(sources)?;
    let url = loaded.config.chassis.server.admin.local_url("/readyz");
    let Fetched { status, body } = block_on(fetch(&url, None, HEALTH_LIMIT))??;
    if status.is_success() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("{status} {}", String::from_utf8_lossy(&body).trim_end());
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

fn duration(text: &str) -> Result<Duration, String> {
    Span::parse(text).map(|span| span.0).ok_or_else(|| format!("write {}", Span::WRITE))
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

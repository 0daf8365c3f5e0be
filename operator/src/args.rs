//! The command line; every flag can be given as an environment variable too.

use std::net::SocketAddr;

use clap::{Parser, Subcommand, ValueEnum};

/// Turns Microservice resources into running, proxied and monitored services.
#[derive(Parser, Debug)]
#[command(name = "microservice-operator", version)]
pub struct Args {
    /// What to do; without a command, run.
    #[command(subcommand)]
    pub command: Option<Command>,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub run: RunArgs,
}

/// What to do.
#[derive(Subcommand, Clone, Copy, Debug)]
pub enum Command {
    /// Run the operator against the cluster of the kubeconfig or of the pod.
    Run,
    /// Print the CustomResourceDefinition.
    Crd,
}

/// How to run.
#[derive(Parser, Clone, Debug)]
pub struct RunArgs {
    /// Image of Microservices without an image of their own.
    #[arg(long, env, global = true, default_value = concat!("microservice-dev/service:", env!("CARGO_PKG_VERSION")))]
    pub service_image: String,
    /// nginx image, 1.27.4 or later, for uid 101.
    #[arg(long, env, global = true, default_value = "nginxinc/nginx-unprivileged:1.30")]
    pub proxy_image: String,
    /// Address of /livez, /readyz and /metrics.
    #[arg(long, env, global = true, default_value = "0.0.0.0:8080")]
    pub admin_addr: SocketAddr,
    /// What is logged: a level, or a filter such as info,kube=debug.
    #[arg(long, env, global = true, default_value = "info")]
    pub log_level: String,
    /// How it is logged.
    #[arg(long, env, global = true, value_enum, default_value_t)]
    pub log_format: LogFormat,
}

/// How it is logged.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// A line for people.
    #[default]
    Text,
    /// A JSON object per line.
    Json,
}

#[cfg(test)]
mod tests {
    use super::{Args, LogFormat};
    use clap::Parser;

    #[test]
    fn a_bare_command_runs_with_defaults() {
        let args = Args::try_parse_from(["microservice-operator"]).unwrap();
        assert!(args.command.is_none());
        assert_eq!(args.run.service_image, concat!("microservice-dev/service:", env!("CARGO_PKG_VERSION")));
        assert_eq!(args.run.log_format, LogFormat::Text);
    }

    #[test]
    fn flags_may_stand_behind_the_command() {
        let args = Args::try_parse_from(["microservice-operator", "run", "--log-format", "json"]).unwrap();
        assert_eq!(args.run.log_format, LogFormat::Json);
    }
}

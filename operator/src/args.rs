//! The command line; every flag can be given as an environment variable too.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use clap::{ArgAction, Parser, Subcommand};
use operator_core::model::{Network, Settings};

use crate::process::telemetry::LogFormat;

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
    /// Image of the StatsD exporter of Microservices in push mode.
    #[arg(long, env, global = true, default_value = "prom/statsd-exporter:v0.31.0")]
    pub statsd_image: String,
    /// Namespaces to work in, separated by commas; by default all of them.
    #[arg(long, env, global = true, value_delimiter = ',')]
    pub namespaces: Vec<String>,
    /// Whether pods are replaced when a Secret that their Microservice names changes. Only metadata is read, but the
    /// right to it is the right to list Secrets.
    #[arg(long, env, global = true, action = ArgAction::Set, value_name = "true|false",
        default_value_t = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub watch_secrets: bool,
    /// Address of /livez, /readyz and /metrics.
    #[arg(long, env, global = true, default_value = "0.0.0.0:8080")]
    pub admin_addr: SocketAddr,
    /// What is logged: a level, or a filter such as info,kube=debug.
    #[arg(long, env, global = true, default_value = "info")]
    pub log_level: String,
    /// How it is logged.
    #[arg(long, env, global = true, value_enum, default_value_t)]
    pub log_format: LogFormat,
    /// Whether only one of several operators works, the one that holds the lease.
    #[arg(long, env, global = true, action = ArgAction::Set, value_name = "true|false",
        default_value_t = false, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub leader_election: bool,
    /// Namespace of the lease; by default the pod's: POD_NAMESPACE, or the service account's, or the kubeconfig's.
    #[arg(long, env, global = true)]
    pub lease_namespace: Option<String>,
    /// Name of the lease.
    #[arg(long, env, global = true, default_value = "microservice-operator")]
    pub lease_name: String,
    /// Namespaces, divided by commas, where Prometheus runs: with a NetworkPolicy only they may read the
    /// metrics. Default: all may.
    #[arg(long, env, global = true, value_delimiter = ',')]
    pub monitoring_namespaces: Vec<String>,
    /// Namespaces, divided by commas, of ingress controllers: they may connect where networkPolicy is
    /// restricted.
    #[arg(long, env, global = true, value_delimiter = ',')]
    pub ingress_namespaces: Vec<String>,
    /// Secrets, divided by commas, with which the images of all Microservices are pulled, besides their own. They
    /// have to be in each namespace.
    #[arg(long, env, global = true, value_delimiter = ',')]
    pub image_pull_secrets: Vec<String>,
    /// This pod's addresses, divided by commas: of what families they are, those of all pods are.
    #[arg(long, env, global = true, hide = true, value_delimiter = ',')]
    pub pod_ips: Vec<IpAddr>,
    /// This pod's namespace.
    #[arg(long, env, global = true, hide = true)]
    pub pod_namespace: Option<String>,
    /// This pod's name, which stands in the lease.
    #[arg(long, env, global = true, hide = true)]
    pub hostname: Option<String>,
}

impl RunArgs {
    /// Where the admin server listens: `0.0.0.0` is meant for all addresses, also where pods have IPv6.
    pub fn admin_addr(&self) -> SocketAddr {
        let SocketAddr::V4(v4) = self.admin_addr else { return self.admin_addr };
        if v4.ip().is_unspecified() && self.network().ipv6 {
            return (Ipv6Addr::UNSPECIFIED, v4.port()).into();
        }
        self.admin_addr
    }

    /// What they say of all Microservices.
    pub fn settings(&self) -> Settings {
        Settings {
            service_image: self.service_image.clone(),
            proxy_image: self.proxy_image.clone(),
            statsd_image: self.statsd_image.clone(),
            pull_secrets: named(&self.image_pull_secrets),
            network: self.network(),
        }
    }

    /// What they say of the cluster's network.
    pub fn network(&self) -> Network {
        Network {
            ipv6: self.pod_ips.iter().any(IpAddr::is_ipv6),
            operator_namespace: self.pod_namespace.clone().filter(|name| !name.is_empty()),
            monitoring_namespaces: named(&self.monitoring_namespaces),
            ingress_namespaces: named(&self.ingress_namespaces),
        }
    }
}

/// A chart's empty list comes as one empty name.
fn named(names: &[String]) -> Vec<String> {
    names.iter().filter(|name| !name.is_empty()).cloned().collect()
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
        assert!(!args.run.leader_election);
        assert_eq!(args.run.lease_name, "microservice-operator");
    }

    #[test]
    fn leader_election_is_switched_by_the_flag_alone_or_a_value() {
        for (flag, on) in [
            ("--leader-election", true),
            ("--leader-election=true", true),
            ("--leader-election=false", false),
        ] {
            let args = Args::try_parse_from(["microservice-operator", flag, "run"]).unwrap();
            assert_eq!(args.run.leader_election, on, "{flag}");
        }
        let wrong = Args::try_parse_from(["microservice-operator", "--leader-election=2"]).unwrap_err();
        assert!(wrong.to_string().contains("true, false"), "{wrong}");
    }

    /// peers: restate-operator#93
    #[test]
    fn all_addresses_are_those_of_both_families() {
        let address = |flags: &[&str]| {
            let command = ["microservice-operator"].into_iter().chain(flags.iter().copied());
            Args::try_parse_from(command).unwrap().run.admin_addr().to_string()
        };
        assert_eq!(address(&["--pod-ips=fd00::1"]), "[::]:8080");
        assert_eq!(address(&["--pod-ips=10.0.0.1"]), "0.0.0.0:8080");
        assert_eq!(address(&["--pod-ips=fd00::1", "--admin-addr=127.0.0.1:1"]), "127.0.0.1:1");
    }

    #[test]
    fn the_network_is_what_the_pod_and_the_chart_say() {
        let network = |flags: &[&str]| {
            let command = ["microservice-operator"].into_iter().chain(flags.iter().copied());
            Args::try_parse_from(command).unwrap().run.network()
        };
        assert_eq!(network(&["--monitoring-namespaces="]).monitoring_namespaces, [""; 0]);
        let told =
            network(&["--monitoring-namespaces=a,b", "--pod-ips=10.0.0.1,fd00::1", "--pod-namespace=system"]);
        assert_eq!(told.monitoring_namespaces, ["a", "b"]);
        assert_eq!((told.ipv6, told.operator_namespace.as_deref()), (true, Some("system")));
        assert!(!network(&["--pod-ips=10.0.0.1"]).ipv6);
    }

    #[test]
    fn a_chart_s_empty_list_is_no_secret() {
        let secrets = |flag: &str| {
            Args::try_parse_from(["microservice-operator", flag]).unwrap().run.settings().pull_secrets
        };
        assert_eq!(secrets("--image-pull-secrets="), [""; 0]);
        assert_eq!(secrets("--image-pull-secrets=a,b"), ["a", "b"]);
    }

    #[test]
    fn flags_may_stand_behind_the_command() {
        let args = Args::try_parse_from(["microservice-operator", "run", "--log-format", "json"]).unwrap();
        assert_eq!(args.run.log_format, LogFormat::Json);
    }
}

//! Pure: turns what the API server let through into what the builders can rely on, or says what is
//! wrong. The CRD's rules catch the rest earlier; here stands what needs more than the one object,
//! or the free-form part of it.

mod pod;

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource, ResourceExt};

use super::{
    disruption,
    observe::{Live, Observed},
    references::Seen,
    replicas::{self, Replicas},
    resize,
    resources::of_workers,
};
use crate::{
    api::{
        ExtraConfig, Microservice, MicroserviceSpec, PROXY_PORT, PROXY_TLS_PORT, Problem, Reason, Resources,
        Severity, parse_duration, split_image,
    },
    build::{self, meta::child_name},
    nginx::{self, Contract, Place},
};

/// What the operator was started with.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The bundled service's image.
    pub service_image: String,
    /// nginx's image.
    pub proxy_image: String,
    /// The StatsD exporter's image.
    pub statsd_image: String,
    /// Of the cluster.
    pub network: Network,
}

/// What the operator knows of the cluster's network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// Pods have IPv6 addresses, perhaps only such.
    pub ipv6: bool,
    /// Where the operator itself runs; none outside a cluster.
    pub operator_namespace: Option<String>,
    /// Where Prometheus runs; nothing is known of that if empty.
    pub monitoring_namespaces: Vec<String>,
    /// Where ingress controllers and gateways run.
    pub ingress_namespaces: Vec<String>,
}

/// A spec that can be built: defaults filled in, text parsed.
#[derive(Clone, Debug)]
pub struct Validated {
    /// The Microservice's name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The name of all its children.
    pub child_name: String,
    /// Points from the children to it.
    pub owner: OwnerReference,
    /// As the user wrote it.
    pub spec: MicroserviceSpec,
    /// The image that runs.
    pub image: String,
    /// Is it the operator's own service, of whatever version? Then its probes are known.
    pub bundled: bool,
    /// nginx's image.
    pub proxy_image: String,
    /// The StatsD exporter's image.
    pub statsd_image: String,
    /// `spec.proxy.timeout`.
    pub timeout: Duration,
    /// `spec.rollout.progressDeadline`.
    pub progress_deadline: Duration,
    /// The number of pods, and who decides it.
    pub replicas: Replicas,
    /// The number of workers that the pod template is made for; running pods may have another.
    pub template_workers: i32,
    /// CPU and memory of the service's container for so many.
    pub template_resources: Resources,
    /// Running pods can't have the resources that they should: new ones take over.
    pub rolls_out_resources: bool,
    /// What the user should know; it keeps nothing from being applied.
    pub warnings: Vec<Problem>,
    /// Of the cluster.
    pub network: Network,
}

impl Validated {
    /// From a request's arrival to its answer. With the bundled service it may wait for a worker as
    /// long as it may be worked on; of other images nothing is known.
    pub fn longest_request(&self) -> Duration {
        if self.bundled { self.timeout * 2 } else { self.timeout }
    }

    /// Does nginx answer on its port for HTTPS?
    pub fn serves_tls(&self) -> bool {
        self.spec.proxy.enabled && self.spec.proxy.tls.is_some()
    }
}

/// Why nothing is changed until the user does something.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejection {
    /// `InvalidSpec`, `NameCollision` or `ReferenceMissing`.
    pub reason: Reason,
    /// All that is wrong, not only the first.
    pub problems: Vec<Problem>,
}

/// Settings of the configuration file that have a field of their own.
const CONFIG_FIELDS: [(&[&str], &str); 7] = [
    (&["profile"], "spec.profile"),
    (&["server", "listen"], "spec.port"),
    (&["server", "admin"], "spec.adminPort"),
    (&["server", "workers"], "spec.concurrency"),
    (&["server", "requests_per_worker"], "spec.requestsPerWorker"),
    (&["server", "timeout"], "spec.proxy.timeout"),
    (&["server", "max_body"], "spec.proxy.maxBodySize"),
];

/// Checks a Microservice against what was observed of the cluster.
pub fn validate(
    microservice: &Microservice,
    observed: &Observed,
    settings: &Settings,
) -> Result<Validated, Rejection> {
    let spec = microservice.spec.clone();
    let mut problems = Vec::new();
    for (path, field) in CONFIG_FIELDS {
        if find(&spec.config, path) {
            problems.push(error(
                format!("spec.config.{}", path.join(".")),
                format!("is set by {field}: write it there and remove it from spec.config"),
            ));
        }
    }
    if spec.monitoring.statsd.is_some() {
        for path in [["metrics", "push"], ["metrics", "statsd"]] {
            if find(&spec.config, &path) {
                problems.push(error(
                    format!("spec.config.{}", path.join(".")),
                    "is set by spec.monitoring.statsd: remove it from spec.config",
                ));
            }
        }
    }
    problems.extend(pod::problems(&spec));
    let child_name = child_name(&microservice.name_any());
    if spec.service_account.name.as_ref() == Some(&child_name) {
        // It would be deleted as one that is no longer wanted.
        let message = format!("{child_name} is the one that the operator makes: remove name");
        problems.push(error("spec.serviceAccount.name", message));
    }
    let timeout = parse_duration(&spec.proxy.timeout);
    if timeout.is_none() {
        problems.push(error("spec.proxy.timeout", "write a duration with a unit, such as 60s or 2m"));
    }
    let progress_deadline = parse_duration(&spec.rollout.progress_deadline);
    if progress_deadline.is_none() {
        problems
            .push(error("spec.rollout.progressDeadline", "write a duration with a unit, such as 300s or 5m"));
    }
    let resources = of_workers(&spec, spec.concurrency);
    problems.extend(resources.as_ref().err().cloned());
    // Without a uid the object did not come from an API server, and nothing could be owned by it.
    let owner = microservice.controller_owner_ref(&());
    if let (Some(timeout), Some(progress_deadline), Ok(template_resources), Some(owner), true) =
        (timeout, progress_deadline, resources, owner, problems.is_empty())
    {
        let replicas = replicas::decide(&spec, observed);
        let warnings = [replicas::warning(&spec, &replicas), disruption::warning(&spec)];
        let mut validated = Validated {
            name: microservice.name_any(),
            namespace: microservice.namespace().unwrap_or_default(),
            child_name,
            owner,
            image: spec.image.clone().unwrap_or_else(|| settings.service_image.clone()),
            bundled: spec
                .image
                .as_ref()
                .is_none_or(|image| split_image(image).0 == split_image(&settings.service_image).0),
            proxy_image: spec.proxy.image.clone().unwrap_or_else(|| settings.proxy_image.clone()),
            statsd_image: statsd_image(&spec, settings),
            timeout,
            progress_deadline,
            replicas,
            template_workers: spec.concurrency,
            template_resources,
            rolls_out_resources: false,
            warnings: warnings.into_iter().flatten().collect(),
            network: settings.network.clone(),
            spec,
        };
        problems.extend(extra_config(&validated));
        if problems.is_empty() {
            let collisions = collisions(&validated.spec, observed);
            if !collisions.is_empty() {
                return Err(Rejection { reason: Reason::NameCollision, problems: collisions });
            }
            let missing = missing_references(microservice, observed);
            if !missing.is_empty() {
                return Err(Rejection { reason: Reason::ReferenceMissing, problems: missing });
            }
            resize::keep_template(&mut validated, observed);
            return Ok(validated);
        }
    }
    Err(Rejection { reason: Reason::InvalidSpec, problems })
}

fn statsd_image(spec: &MicroserviceSpec, settings: &Settings) -> String {
    let image = spec.monitoring.statsd.as_ref().and_then(|statsd| statsd.image.clone());
    image.unwrap_or_else(|| settings.statsd_image.clone())
}

fn find(config: &crate::api::Config, path: &[&str]) -> bool {
    match path {
        [] => false,
        [last] => config.contains_key(*last),
        [first, rest @ ..] => config.get(*first).and_then(|v| v.as_object()).is_some_and(|c| find(c, rest)),
    }
}

fn error(field: impl Into<String>, message: impl Into<String>) -> Problem {
    Problem { field: field.into(), severity: Severity::Error, message: message.into() }
}

/// Snippets that nginx would refuse, or that would break the pod.
fn extra_config(validated: &Validated) -> Vec<Problem> {
    let proxy = &validated.spec.proxy;
    let ExtraConfig { http, server } = &proxy.extra_config;
    if !proxy.enabled || (http.is_empty() && server.is_empty()) {
        return Vec::new();
    }
    let mut ours = validated.clone();
    ours.spec.proxy.extra_config = ExtraConfig::default();
    let contract = Contract {
        ports: vec![PROXY_PORT, PROXY_TLS_PORT, validated.spec.port, validated.spec.admin_port],
        // Ours can always be read.
        around: nginx::parse(&build::nginx::config(&ours)).unwrap_or_default(),
        foreign_nginx: proxy.image.is_some(),
    };
    [("http", http, Place::Http), ("server", server, Place::Server)]
        .into_iter()
        .filter_map(|(name, text, place)| {
            let fault = nginx::check(text, place, &contract).err()?;
            let message = format!("line {}: {}", fault.line, fault.message);
            Some(error(format!("spec.proxy.extraConfig.{name}"), message))
        })
        .collect()
}

/// Objects that have a name we need and are not ours. They are never taken over silently.
fn collisions(spec: &MicroserviceSpec, observed: &Observed) -> Vec<Problem> {
    let wanted = observed.children.iter().filter(|(child, _)| child.is_wanted(spec));
    wanted
        .filter_map(|(child, live)| match live {
            Live::Foreign { name, owner } => Some(error(
                "metadata.name",
                format!(
                    "{} {name} exists and belongs to {owner}: delete it or give this Microservice another name",
                    child.kind().name()
                ),
            )),
            Live::Absent | Live::Ours(_) => None,
        })
        .collect()
}

/// What the spec names and does not exist. Pods could not start without it.
fn missing_references(microservice: &Microservice, observed: &Observed) -> Vec<Problem> {
    let missing = observed.references.iter().filter(|(r, seen)| *seen == Seen::Missing && !r.optional);
    missing
        .map(|(reference, _)| {
            let kind: &str = reference.kind.into();
            let (name, namespace) = (&reference.name, microservice.namespace().unwrap_or_default());
            error(
                reference.field.clone(),
                format!(
                    "{kind} {name} does not exist in namespace {namespace}: create it, or correct the name"
                ),
            )
        })
        .collect()
}

#[cfg(test)]
impl Validated {
    /// `spec: {}` with the API server's defaults.
    pub(crate) fn example() -> Self {
        let mut microservice = Microservice::new("example", serde_json::from_str("{}").unwrap());
        microservice.metadata.uid = Some("uid".into());
        microservice.metadata.namespace = Some("default".into());
        let settings = Settings {
            service_image: "service:1".into(),
            proxy_image: "nginx:1".into(),
            statsd_image: "statsd:1".into(),
            ..Settings::default()
        };
        validate(&microservice, &Observed::default(), &settings).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{build::Child, controller::references::references};
    use rstest::rstest;
    use serde_json::json;
    use std::collections::BTreeMap;

    fn microservice(spec: serde_json::Value) -> Microservice {
        let mut microservice = Microservice::new("m", serde_json::from_value(spec).unwrap());
        microservice.metadata.uid = Some("uid".into());
        microservice
    }

    fn settings() -> Settings {
        Settings { service_image: "service:1".into(), proxy_image: "nginx:1".into(), ..Settings::default() }
    }

    #[rstest]
    #[case(json!({"config": {"server": {"workers": 3}}}), "spec.config.server.workers", "spec.concurrency")]
    #[case(json!({"config": {"server": {"listen": "x"}}}), "spec.config.server.listen", "spec.port")]
    #[case(json!({"config": {"profile": "all"}}), "spec.config.profile", "spec.profile")]
    #[case(json!({"monitoring": {"statsd": {}}, "config": {"metrics": {"push": false}}}), "spec.config.metrics.push", "spec.monitoring.statsd")]
    #[case(json!({"proxy": {"timeout": "soon"}}), "spec.proxy.timeout", "60s")]
    #[case(json!({"proxy": {"extraConfig": {"http": "map $a $b {"}}}), "spec.proxy.extraConfig.http", "line 1: the block opened here is not closed")]
    #[case(json!({"proxy": {"extraConfig": {"server": "\nclient_max_body_size 5m;\nproxy_read_timeout 1s;"}}}), "spec.proxy.extraConfig.server", "line 3: proxy_read_timeout: is set by the operator")]
    fn a_contradiction_names_field_and_remedy(
        #[case] spec: serde_json::Value,
        #[case] field: &str,
        #[case] says: &str,
    ) {
        let rejection = validate(&microservice(spec), &Observed::default(), &settings()).unwrap_err();
        assert_eq!(rejection.reason, Reason::InvalidSpec);
        assert_eq!(rejection.problems[0].field, field);
        assert!(rejection.problems[0].message.contains(says), "{rejection:?}");
    }

    #[rstest]
    #[case(json!({}), true)]
    #[case(json!({"image": "service:2"}), true)]
    #[case(json!({"image": "service@sha256:abc"}), true)]
    #[case(json!({"image": "team/service:1"}), false)]
    #[case(json!({"image": "service:5000/x"}), false)]
    fn the_bundled_service_is_known_by_its_repository(
        #[case] spec: serde_json::Value,
        #[case] bundled: bool,
    ) {
        let validated = validate(&microservice(spec), &Observed::default(), &settings()).unwrap();
        assert_eq!(validated.bundled, bundled);
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let spec = json!({"config": {"profile": "all", "server": {"workers": 3, "admin": "x"}}});
        assert_eq!(
            validate(&microservice(spec), &Observed::default(), &settings()).unwrap_err().problems.len(),
            3
        );
    }

    #[test]
    fn the_operator_s_own_service_account_is_not_named() {
        let named = |name: &str| microservice(json!({"serviceAccount": {"name": name}}));
        let refused = |name| validate(&named(name), &Observed::default(), &settings()).err();
        assert_eq!(refused("m").unwrap().problems[0].field, "spec.serviceAccount.name");
        assert!(refused("shop").is_none());
    }

    #[rstest]
    #[case::missing(Seen::Missing, false, false)]
    #[case::optional(Seen::Missing, true, true)]
    #[case::there(Seen::Version(1), false, true)]
    #[case::not_looked_at(Seen::Unwatched, false, true)]
    fn what_the_spec_names_must_exist(#[case] seen: Seen, #[case] optional: bool, #[case] accepted: bool) {
        let source = json!({"secretKeyRef": {"name": "database", "key": "url", "optional": optional}});
        let microservice = microservice(json!({"env": [{"name": "URL", "valueFrom": source}]}));
        let references = references(&microservice.spec).into_iter().map(|r| (r, seen)).collect();
        let observed = Observed { references, ..Observed::default() };
        match validate(&microservice, &observed, &settings()) {
            Ok(_) => assert!(accepted),
            Err(rejection) => {
                assert!(!accepted);
                assert_eq!(rejection.reason, Reason::ReferenceMissing);
                assert_eq!(rejection.problems[0].field, "spec.env[0].valueFrom.secretKeyRef.name");
                assert!(rejection.problems[0].message.contains("Secret database does not exist"));
            }
        }
    }

    #[test]
    fn a_foreign_object_is_refused_by_the_name_of_its_owner() {
        let foreign = Live::Foreign { name: "m".into(), owner: "Helm release shop".into() };
        let observed =
            Observed { children: BTreeMap::from([(Child::Service, foreign)]), ..Observed::default() };
        let rejection = validate(&microservice(json!({})), &observed, &settings()).unwrap_err();
        assert_eq!(rejection.reason, Reason::NameCollision);
        assert!(rejection.problems[0].message.contains("Service m exists and belongs to Helm release shop"));
    }
}

//! Pure: turns what the API server let through into what the builders can rely on, or says what is
//! wrong. The CRD's rules catch the rest earlier; here stands what needs more than the one object,
//! or the free-form part of it.

mod pod;

use kube::{Resource, ResourceExt};

use super::{disruption, replicas, resize, resources::of_workers};
use crate::{
    api::{
        ExtraConfig, Microservice, MicroserviceSpec, PROXY_PORT, PROXY_TLS_PORT, Problem, Reason,
        parse_duration, split_image,
    },
    manifests,
    model::{ResolvedMicroservice, Settings, meta::child_name},
    nginx::{self, Contract, Place},
    observed::{Live, Observed, Seen},
};

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
) -> Result<ResolvedMicroservice, Rejection> {
    let spec = microservice.spec.clone();
    let mut problems = Vec::new();
    for (path, field) in CONFIG_FIELDS {
        if find(&spec.config, path) {
            problems.push(Problem::error(
                format!("spec.config.{}", path.join(".")),
                format!("is set by {field}: write it there and remove it from spec.config"),
            ));
        }
    }
    if spec.monitoring.statsd.is_some() {
        for path in [["metrics", "push"], ["metrics", "statsd"]] {
            if find(&spec.config, &path) {
                problems.push(Problem::error(
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
        problems.push(Problem::error("spec.serviceAccount.name", message));
    }
    let timeout = parse_duration(&spec.proxy.timeout);
    if timeout.is_none() {
        problems
            .push(Problem::error("spec.proxy.timeout", "write a duration with a unit, such as 60s or 2m"));
    }
    let progress_deadline = parse_duration(&spec.rollout.progress_deadline);
    if progress_deadline.is_none() {
        problems.push(Problem::error(
            "spec.rollout.progressDeadline",
            "write a duration with a unit, such as 300s or 5m",
        ));
    }
    let resources = of_workers(&spec, spec.concurrency);
    problems.extend(resources.as_ref().err().cloned());
    // Without a uid the object did not come from an API server, and nothing could be owned by it.
    let owner = microservice.controller_owner_ref(&());
    if let (Some(timeout), Some(progress_deadline), Ok(template_resources), Some(owner), true) =
        (timeout, progress_deadline, resources, owner, problems.is_empty())
    {
        let replicas = replicas::decide(&spec, observed);
        let warnings = [replicas::warning(&spec, &replicas, observed), disruption::warning(&spec)];
        let mut resolved = ResolvedMicroservice {
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
            pull_secrets: settings.pull_secrets.clone(),
            network: settings.network.clone(),
            running: observed.ports.clone(),
            spec,
        };
        problems.extend(extra_config(&resolved));
        if problems.is_empty() {
            let collisions = collisions(&resolved.spec, observed);
            if !collisions.is_empty() {
                return Err(Rejection { reason: Reason::NameCollision, problems: collisions });
            }
            let missing = missing_references(microservice, observed);
            if !missing.is_empty() {
                return Err(Rejection { reason: Reason::ReferenceMissing, problems: missing });
            }
            resize::keep_template(&mut resolved, observed);
            return Ok(resolved);
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

/// Snippets that nginx would refuse, or that would break the pod.
fn extra_config(resolved: &ResolvedMicroservice) -> Vec<Problem> {
    let proxy = &resolved.spec.proxy;
    let ExtraConfig { http, server } = &proxy.extra_config;
    if !proxy.enabled || (http.is_empty() && server.is_empty()) {
        return Vec::new();
    }
    let mut ours = resolved.clone();
    ours.spec.proxy.extra_config = ExtraConfig::default();
    let contract = Contract {
        ports: vec![PROXY_PORT, PROXY_TLS_PORT, resolved.spec.port, resolved.spec.admin_port],
        // Ours can always be read.
        around: nginx::parse(&manifests::nginx::config(&ours)).unwrap_or_default(),
        foreign_nginx: proxy.image.is_some(),
    };
    [("http", http, Place::Http), ("server", server, Place::Server)]
        .into_iter()
        .filter_map(|(name, text, place)| {
            let fault = nginx::check(text, place, &contract).err()?;
            let message = format!("line {}: {}", fault.line, fault.message);
            Some(Problem::error(format!("spec.proxy.extraConfig.{name}"), message))
        })
        .collect()
}

/// Objects that have a name we need and are not ours. They are never taken over silently.
fn collisions(spec: &MicroserviceSpec, observed: &Observed) -> Vec<Problem> {
    let wanted = observed.children.iter().filter(|(child, _)| child.is_wanted(spec));
    wanted
        .filter_map(|(child, live)| match live {
            Live::Foreign { name, owner } => Some(Problem::error(
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
            Problem::error(
                reference.field.clone(),
                format!(
                    "{kind} {name} does not exist in namespace {namespace}: create it, or correct the name"
                ),
            )
        })
        .collect()
}

#[cfg(test)]
impl ResolvedMicroservice {
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
    use crate::{model::Child, plan::references::references};
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
        let resolved = validate(&microservice(spec), &Observed::default(), &settings()).unwrap();
        assert_eq!(resolved.bundled, bundled);
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

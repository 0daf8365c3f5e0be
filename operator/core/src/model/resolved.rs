use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use super::{ports::PodPorts, replicas::Replicas, settings::Network};
use crate::api::{MicroserviceSpec, Problem, Resources};

/// A spec that can be built: defaults filled in, text parsed.
#[derive(Clone, Debug)]
pub struct ResolvedMicroservice {
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
    /// Secrets that the operator was told to pull all images with.
    pub pull_secrets: Vec<String>,
    /// Of the cluster.
    pub network: Network,
    /// The ports of the pods that run, of whatever template.
    pub running: PodPorts,
}

impl ResolvedMicroservice {
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

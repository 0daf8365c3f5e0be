use std::collections::BTreeMap;

use k8s_openapi::api::{
    core::v1::{
        Affinity, Container, EnvFromSource, EnvVar, HostAlias, LocalObjectReference, PodDNSConfig,
        PodSecurityContext, SecurityContext, Toleration, TopologySpreadConstraint, Volume, VolumeMount,
    },
    networking::v1::NetworkPolicyEgressRule,
};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    account::Account, autoscaling::Autoscaling, common_metadata::CommonMetadata, disruption::Disruption,
    expose::Expose, file::File, kubernetes, monitoring::Monitoring, network_policy::NetworkPolicy,
    pod_metadata::PodMetadata, probes::Probes, proxy::Proxy, resources::Resources, rollout::Rollout, schema,
    status::MicroserviceStatus,
};

/// The content of `spec.config`.
pub type Config = serde_json::Map<String, serde_json::Value>;

/// A running, nginx-proxied, Prometheus-monitored service. `spec: {}` is a complete one: every field
/// has a default.
#[allow(clippy::duplicated_attributes)] // each printcolumn has its own
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "microservice.dev",
    version = "v1alpha1",
    kind = "Microservice",
    plural = "microservices",
    shortname = "msvc",
    category = "all",
    namespaced,
    status = "MicroserviceStatus",
    derive = "PartialEq",
    doc = "A running, nginx-proxied, Prometheus-monitored service whose workers follow spec.concurrency.",
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    printcolumn(
        json_path = ".status.conditions[?(@.type==\"Ready\")].status",
        name = "Ready",
        type_ = "string"
    ),
    printcolumn(json_path = ".status.readyReplicas", name = "Replicas", type_ = "integer"),
    printcolumn(json_path = ".status.capacity.total", name = "Workers", type_ = "integer"),
    printcolumn(json_path = ".status.version", name = "Version", type_ = "string"),
    printcolumn(json_path = ".status.url", name = "URL", type_ = "string"),
    printcolumn(json_path = ".metadata.creationTimestamp", name = "Age", type_ = "date"),
    printcolumn(
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason",
        name = "Reason",
        type_ = "string",
        priority = 1
    )
)]
#[x_kube(
    validation = Rule::new("self.port != self.adminPort")
        .message("port and adminPort are the same: give adminPort a port of its own, such as 9090; for metrics on the service's port write monitoring.port: service"),
    validation = Rule::new("!self.proxy.enabled || (self.port != 8081 && self.adminPort != 8081)")
        .message("8081 is the proxy's own port: choose another port and adminPort, or set proxy.enabled to false"),
    validation = Rule::new("!has(self.autoscaling) || !has(self.resources) || !(has(self.autoscaling.cpu) || (!has(self.autoscaling.memory) && !has(self.autoscaling.metrics))) || (has(self.resources.requests) && 'cpu' in self.resources.requests) || (has(self.resources.limits) && 'cpu' in self.resources.limits) || (has(self.resourcesPerWorker) && has(self.resourcesPerWorker.requests) && 'cpu' in self.resourcesPerWorker.requests)")
        .message("autoscaling by CPU compares with what is requested: add cpu to resources.requests, such as cpu: 100m"),
    validation = Rule::new("!has(self.autoscaling) || !has(self.resources) || !has(self.autoscaling.memory) || (has(self.resources.requests) && 'memory' in self.resources.requests) || (has(self.resources.limits) && 'memory' in self.resources.limits) || (has(self.resourcesPerWorker) && has(self.resourcesPerWorker.requests) && 'memory' in self.resourcesPerWorker.requests)")
        .message("autoscaling by memory compares with what is requested: add memory to resources.requests, such as memory: 64Mi"),
    validation = Rule::new("!has(self.proxy.tls) || (self.port != 8443 && self.adminPort != 8443)")
        .message("8443 is the proxy's own port for HTTPS: choose another port and adminPort, or remove proxy.tls"),
    validation = Rule::new("!has(self.monitoring.statsd) || (self.port != 9102 && self.adminPort != 9102)")
        .message("9102 is the StatsD exporter's own port: choose another port and adminPort, or remove monitoring.statsd"),
    validation = Rule::new("!has(self.monitoring.statsd) || !has(self.env) || self.env.all(e, !(e.name in ['PYMICRO_SEND_METRICS', 'PYMICRO_STATSD', 'CHASSIS_METRICS__PUSH', 'CHASSIS_METRICS__STATSD']))")
        .message("where metrics are pushed to is set by monitoring.statsd: remove PYMICRO_SEND_METRICS, PYMICRO_STATSD, CHASSIS_METRICS__PUSH and CHASSIS_METRICS__STATSD from env"),
    validation = Rule::new("!has(self.egress) || (has(self.networkPolicy) && self.networkPolicy in ['open', 'restricted'])")
        .message("egress is a part of the NetworkPolicy: set networkPolicy to open or restricted, or remove egress"),
    validation = Rule::new("!has(self.terminationGracePeriodSeconds) || self.terminationGracePeriodSeconds > self.rollout.drain + 9")
        .message("pods would be killed while they still take connections: write at least rollout.drain and 10 more, or remove terminationGracePeriodSeconds"),
    validation = Rule::new("!has(self.dnsPolicy) || self.dnsPolicy != 'None' || (has(self.dnsConfig) && has(self.dnsConfig.nameservers) && self.dnsConfig.nameservers.size() > 0)")
        .message("with dnsPolicy None the pods have no name server: write some in dnsConfig.nameservers, or another dnsPolicy"),
)]
#[serde(rename_all = "camelCase")]
pub struct MicroserviceSpec {
    /// Image of the service. Default: the bundled service of the operator's own version. Any image
    /// works that serves HTTP on $PORT; it also gets WEB_CONCURRENCY and PYMICRO_CONCURRENCY.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    #[x_kube(validation = Rule::new("self.matches('^[^\\\\s]+$')")
        .message("write an image reference without spaces, such as registry.example.com/team/app:1.2.3"))]
    pub image: Option<String>,

    /// When the kubelet pulls the image: Always, IfNotPresent or Never. Default: as Kubernetes,
    /// Always for the tag `latest` or none, else IfNotPresent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_pull_policy: Option<PullPolicy>,

    /// Secrets of type kubernetes.io/dockerconfigjson with which the images are pulled, as in a pod.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "kubernetes::references")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub image_pull_secrets: Vec<LocalObjectReference>,

    /// What the service's container runs instead of its image's entrypoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "kubernetes::words")]
    pub command: Vec<String>,

    /// Arguments instead of those that the service's image has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "kubernetes::words")]
    pub args: Vec<String>,

    /// Workers per replica. One worker works on one request at a time (see requestsPerWorker).
    /// A change restarts no pod, unless concurrencyChange says so.
    #[serde(default = "defaults::concurrency")]
    #[schemars(range(min = 1, max = 1024))]
    pub concurrency: i32,

    /// Requests that one worker may interleave, as gevent does.
    #[serde(default = "defaults::requests_per_worker")]
    #[schemars(range(min = 1, max = 1024))]
    pub requests_per_worker: i32,

    /// How pods take a change of concurrency or requestsPerWorker. Live: running pods follow their
    /// configuration file, as the bundled service does. Restart: new pods replace them, for an image
    /// that reads WEB_CONCURRENCY only when it starts.
    #[serde(default)]
    pub concurrency_change: ConcurrencyChange,

    /// What happens when a Secret or ConfigMap that the spec names gets other content. Restart: new
    /// pods replace the old ones, one after the other. Ignore: running pods keep what they started
    /// with, as far as it is not a mounted file, which Kubernetes renews by itself.
    #[serde(default)]
    pub reference_change: ReferenceChange,

    /// When pods follow an upgrade of the operator, which may bring another default image or other
    /// settings. Pinned: with the next change of the spec that takes new pods anyway. Auto: at once.
    #[serde(default)]
    pub upgrade_policy: UpgradePolicy,

    /// Number of pods. `kubectl scale` changes it. Ignored while autoscaling is set.
    #[serde(default = "defaults::replicas")]
    #[schemars(range(min = 0, max = 1000))]
    pub replicas: i32,

    /// Scales the number of pods by their load. Without it there are as many as replicas says; when
    /// it is removed, the pods that run are kept until replicas is changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaling: Option<Autoscaling>,

    /// Protection from evictions: a PodDisruptionBudget from 2 replicas up.
    #[serde(default)]
    pub disruption: Disruption,

    /// true: no pods, while all else is kept; false again brings back as many as there were.
    #[serde(default)]
    pub stopped: bool,

    /// true: the operator changes nothing but the status, and repairs nothing.
    #[serde(default)]
    pub suspend: bool,

    /// Which features of the bundled service are on: all, message, fibonacci, catalog, directory, users,
    /// regions, roles or quickstart.
    #[serde(default)]
    pub profile: Profile,

    /// Configuration of the bundled service, as in its configuration file. What the resource has a
    /// field for (server.listen, server.admin, server.workers, server.requests_per_worker,
    /// server.timeout, server.max_body, profile) is refused here.
    #[serde(default, skip_serializing_if = "Config::is_empty")]
    #[schemars(schema_with = "schema::config")]
    pub config: Config,

    /// Environment of the service's container, as in a pod. PORT, WEB_CONCURRENCY,
    /// PYMICRO_CONCURRENCY, PYMICRO_GEVENT and CHASSIS_CONFIG are the operator's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "kubernetes::environment")]
    #[x_kube(
        merge_strategy = ListMerge::Map(vec!["name".into()]),
        validation = Rule::new("self.all(e, !(e.name in ['WEB_CONCURRENCY', 'PYMICRO_CONCURRENCY', 'CHASSIS_SERVER__WORKERS']))")
            .message("the number of workers is set by spec.concurrency: remove WEB_CONCURRENCY, PYMICRO_CONCURRENCY and CHASSIS_SERVER__WORKERS from env"),
        validation = Rule::new("self.all(e, !(e.name in ['PYMICRO_GEVENT', 'CHASSIS_SERVER__REQUESTS_PER_WORKER']))")
            .message("requests per worker are set by spec.requestsPerWorker: remove PYMICRO_GEVENT and CHASSIS_SERVER__REQUESTS_PER_WORKER from env"),
        validation = Rule::new("self.all(e, !(e.name in ['PORT', 'PYMICRO', 'PYMICRO_SERVER', 'CHASSIS_SERVER__LISTEN', 'CHASSIS_SERVER__ADMIN']))")
            .message("the ports are set by spec.port and spec.adminPort: remove PORT, PYMICRO, PYMICRO_SERVER, CHASSIS_SERVER__LISTEN and CHASSIS_SERVER__ADMIN from env"),
        validation = Rule::new("self.all(e, !(e.name in ['CHASSIS_CONFIG', 'PYMICRO_CONFIG']))")
            .message("the configuration file is made from spec.config: remove CHASSIS_CONFIG and PYMICRO_CONFIG from env"),
        validation = Rule::new("self.all(e, e.name.matches('^[A-Za-z_][A-Za-z0-9_.-]*$'))")
            .message("names in env start with a letter or _ and go on with letters, digits, _, - or ."),
    )]
    pub env: Vec<EnvVar>,

    /// ConfigMaps and Secrets whose keys become environment of the service's container, as in a pod.
    /// What env and the operator set wins over it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "kubernetes::environment_sources")]
    pub env_from: Vec<EnvFromSource>,

    /// Files in the service's container: written here, or out of a ConfigMap or Secret.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["path".into()]))]
    pub files: Vec<File>,

    /// Volumes of the pod, as in a pod; volumeMounts and the mounts of sidecars and initContainers
    /// name them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "kubernetes::volumes")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub volumes: Vec<Volume>,

    /// Where volumes stand in the service's container, as in a pod.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "kubernetes::volume_mounts")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["mountPath".into()]))]
    pub volume_mounts: Vec<VolumeMount>,

    /// How the kubelet learns that the service has started, lives and can take requests.
    #[serde(default)]
    pub probes: Probes,

    /// CPU and memory of the service's container. Default: requests of 50m CPU and 32Mi, no limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,

    /// CPU and memory of the service's container for each worker, on top of resources: both follow
    /// concurrency. Running pods are resized in place where the cluster can (Kubernetes 1.33), else
    /// new pods replace them. A limit that resources does not have begins with what that requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources_per_worker: Option<Resources>,

    /// Port the service listens on in its pod.
    #[serde(default = "defaults::port")]
    #[schemars(range(min = 1024, max = 65535))]
    pub port: i32,

    /// Port of the service's probes and metrics in its pod.
    #[serde(default = "defaults::admin_port")]
    #[schemars(range(min = 1024, max = 65535))]
    pub admin_port: i32,

    /// The nginx in front of the service, in the same pod.
    #[serde(default)]
    pub proxy: Proxy,

    /// How the service is reached: its Service, an Ingress, an HTTPRoute.
    #[serde(default)]
    pub expose: Expose,

    /// Who may connect to the pods, as a NetworkPolicy. "off" (with its quotes, or YAML takes it for
    /// false): no NetworkPolicy, the default. open: everybody may send requests. restricted: this
    /// namespace, the namespaces of httpRoute's Gateways and, with an Ingress or a route, those of the
    /// ingress controllers that the operator was told of. The metrics are always readable where
    /// Prometheus runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::network_policy")]
    pub network_policy: Option<NetworkPolicy>,

    /// Where the pods may connect to, as in a NetworkPolicy; DNS (port 53) is always allowed. Default: anywhere.
    /// An empty list: nowhere else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "kubernetes::egress")]
    pub egress: Option<Vec<NetworkPolicyEgressRule>>,

    /// Scraping by Prometheus, through a ServiceMonitor.
    #[serde(default)]
    pub monitoring: Monitoring,

    /// How new pods replace old ones, and how old ones end.
    #[serde(default)]
    pub rollout: Rollout,

    /// The pods' identity: a ServiceAccount, without a token unless asked for.
    #[serde(default)]
    pub service_account: Account,

    /// What the service's container may do, as in a pod. What it does not say is as Pod Security restricted
    /// wants it, with a root file system that can't be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "kubernetes::security_context")]
    pub security_context: Option<SecurityContext>,

    /// Users and groups of all containers of the pod, as in a pod, such as fsGroup for volumes. What it does
    /// not say is as Pod Security restricted wants it. nginx and the StatsD exporter have users of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "kubernetes::pod_security_context")]
    pub pod_security_context: Option<PodSecurityContext>,

    /// The PriorityClass of the pods. Default: the cluster's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "kubernetes::object_name")]
    pub priority_class_name: Option<String>,

    /// Labels and annotations of all objects that are made, such as a cost centre. A change replaces no pod;
    /// those of pods are in podMetadata.
    #[serde(default)]
    pub common_metadata: CommonMetadata,

    /// Labels and annotations of the pods.
    #[serde(default)]
    pub pod_metadata: PodMetadata,

    /// Labels of the nodes that the pods may run on, such as `kubernetes.io/arch: arm64`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::labels")]
    #[x_kube(validation = Rule::new("self.all(k, self[k].matches('^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$'))")
        .message("label values have at most 63 letters, digits, -, _ or ., and start and end with a letter or digit"))]
    pub node_selector: BTreeMap<String, String>,

    /// Taints of nodes that the pods put up with, as in a pod.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "kubernetes::tolerations")]
    pub tolerations: Vec<Toleration>,

    /// Nodes and pods that the pods are drawn to or kept away from, as in a pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "kubernetes::affinity")]
    pub affinity: Option<Affinity>,

    /// How even the pods stand over nodes, zones and the like, as in a pod; without a labelSelector
    /// the Microservice's own pods of the same rollout are counted. Default: over nodes and over
    /// zones, as far as possible. An empty list: no wish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "kubernetes::topology_spread")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["topologyKey".into(), "whenUnsatisfiable".into()]))]
    pub topology_spread: Option<Vec<TopologySpreadConstraint>>,

    /// The RuntimeClass of the pods, such as gvisor. Default: the cluster's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "kubernetes::object_name")]
    pub runtime_class_name: Option<String>,

    /// Host names for addresses in the pods' /etc/hosts, as in a pod.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "kubernetes::host_aliases")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["ip".into()]))]
    pub host_aliases: Vec<HostAlias>,

    /// Which name servers the pods ask, as in a pod. Default: ClusterFirst.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_policy: Option<DnsPolicy>,

    /// Name servers, search domains and options besides those of dnsPolicy, as in a pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "kubernetes::dns_config")]
    pub dns_config: Option<PodDNSConfig>,

    /// Seconds from the moment that a pod is told to end until it is killed, at least 10 more than rollout.drain.
    /// Default: enough for that and the longest request; with less, a warning in status.problems says that requests
    /// may be lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86_400))]
    pub termination_grace_period_seconds: Option<i64>,

    /// Containers that run one after the other before the service starts, as in a pod. They get a
    /// security context that Pod Security restricted allows and a file system that can't be
    /// written, where they say nothing else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "kubernetes::init_containers")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub init_containers: Vec<Container>,

    /// Containers beside the service, as in a pod. They start before initContainers and the service
    /// and end after it. Their security context is filled in as that of initContainers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "kubernetes::sidecars")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub sidecars: Vec<Container>,

    /// The last resort: metadata and spec of a pod template, laid over the operator's as a
    /// strategic merge patch. `$patch: delete` removes. A warning in status.problems names each
    /// field of the operator's that it changes.
    #[serde(default, skip_serializing_if = "Config::is_empty")]
    #[schemars(schema_with = "schema::pod_template")]
    pub pod_template: Config,
}

impl MicroserviceSpec {
    /// The fewest pods that it asks for, while it isn't stopped.
    pub fn least_replicas(&self) -> i32 {
        self.autoscaling.as_ref().map_or(self.replicas, |autoscaling| autoscaling.min_replicas)
    }

    /// The most pods that it asks for.
    pub fn most_replicas(&self) -> i32 {
        self.autoscaling.as_ref().map_or(self.replicas, |autoscaling| autoscaling.max_replicas)
    }
}

/// Features of the bundled service.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Everything the service can do.
    All,
    /// `POST /microservice`.
    #[default]
    Message,
    /// `GET /fibonacci/list`.
    Fibonacci,
    /// `GET /products` and `GET /simple/{id}`.
    Catalog,
    /// Users, regions and roles in one service.
    Directory,
    /// `/users`, which asks others for cities and roles.
    Users,
    /// `/cities` and `/provinces`.
    Regions,
    /// `/roles`.
    Roles,
    /// `POST /`, which leaves messages for people.
    Quickstart,
}

/// How pods take a change of their number of workers.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConcurrencyChange {
    /// While they run.
    #[default]
    Live,
    /// By a rollout.
    Restart,
}

/// What a change of a referenced Secret or ConfigMap does.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReferenceChange {
    /// A rollout.
    #[default]
    Restart,
    /// Nothing.
    Ignore,
}

/// When pods follow an upgrade of the operator.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UpgradePolicy {
    /// With the next change of the spec.
    #[default]
    Pinned,
    /// At once.
    Auto,
}

/// When the kubelet pulls an image.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[allow(missing_docs)] // Kubernetes' own words.
pub enum PullPolicy {
    Always,
    IfNotPresent,
    Never,
}

/// Which name servers are asked.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[allow(missing_docs)] // Kubernetes' own words.
pub enum DnsPolicy {
    ClusterFirst,
    ClusterFirstWithHostNet,
    Default,
    None,
}

/// What the API server fills in; the CRD's defaults are made from these.
mod defaults {
    pub(super) fn concurrency() -> i32 {
        4
    }
    pub(super) fn requests_per_worker() -> i32 {
        1
    }
    pub(super) fn replicas() -> i32 {
        1
    }
    pub(super) fn port() -> i32 {
        8080
    }
    pub(super) fn admin_port() -> i32 {
        9090
    }
}

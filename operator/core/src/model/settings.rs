/// What the operator was started with.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The bundled service's image.
    pub service_image: String,
    /// nginx's image.
    pub proxy_image: String,
    /// The StatsD exporter's image.
    pub statsd_image: String,
    /// Secrets with which the images of all Microservices are pulled.
    pub pull_secrets: Vec<String>,
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

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// How the service is reached: its Service, and what leads to that from outside the cluster.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Expose {
    /// An Ingress that leads to the service. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Ingress>,

    /// An HTTPRoute of the Gateway API that leads to the service. Default: none. While the cluster has
    /// no Gateway API, a warning in status.problems says so; the route follows by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_route: Option<HttpRoute>,

    /// The Service: of which type it is, and what else it leads to.
    #[serde(default)]
    pub service: ServiceSettings,
}

/// An Ingress (networking.k8s.io/v1) with one rule.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[x_kube(
    validation = Rule::new("!has(self.tls) || has(self.host)")
        .message("a certificate is for a host: set expose.ingress.host too, or remove expose.ingress.tls"),
)]
#[serde(rename_all = "camelCase")]
pub struct Ingress {
    /// IngressClass, which names the controller. Default: the cluster's default class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub class_name: Option<String>,

    /// Host name that clients ask for, such as shop.example.com or *.example.com. Default: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::hostname")]
    pub host: Option<String>,

    /// What the paths of requests begin with, by whole segments: /shop matches /shop and /shop/cart.
    /// The service sees the whole path.
    #[serde(default = "path")]
    #[schemars(length(max = 1024))]
    #[x_kube(validation = Rule::new("self.matches('^/([-A-Za-z0-9/._~!$&()*+,;=:@]|%[0-9a-fA-F]{2})*$') && !self.matches('//|/[.][.]?(/|$)|%2[fF]')")
        .message("write a path that starts with / and has no //, /./, /../ or %2F, such as / or /shop"))]
    pub path: String,

    /// HTTPS, ended by the ingress controller. Default: plain HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<IngressTls>,

    /// Annotations of the Ingress, which its controller reads.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::annotations")]
    #[x_kube(validation = schema::foreign_annotations())]
    pub annotations: BTreeMap<String, String>,
}

/// Where the Ingress' certificate comes from.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[x_kube(
    validation = Rule::new("has(self.secretName) || has(self.issuer) || has(self.clusterIssuer)")
        .message("write secretName for a certificate that you have, or issuer or clusterIssuer for one that cert-manager makes"),
    validation = Rule::new("!has(self.issuer) || !has(self.clusterIssuer)")
        .message("write either issuer or clusterIssuer"),
)]
#[serde(rename_all = "camelCase")]
pub struct IngressTls {
    /// Secret of type kubernetes.io/tls in the namespace; with cert-manager, the one it writes.
    /// Default with an issuer: the name of the Ingress and -tls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub secret_name: Option<String>,

    /// cert-manager's Issuer in the namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub issuer: Option<String>,

    /// cert-manager's ClusterIssuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub cluster_issuer: Option<String>,
}

/// An HTTPRoute (gateway.networking.k8s.io/v1) with one rule.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct HttpRoute {
    /// Gateways that the route is attached to. One that does not accept it is named in
    /// status.problems.
    #[schemars(length(min = 1, max = 16))]
    pub parent_refs: Vec<ParentRef>,

    /// Host names that clients ask for, such as shop.example.com or *.example.com. Default: those of
    /// the Gateway.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::hostnames")]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub hostnames: Vec<String>,

    /// What the paths of requests begin with, by whole segments: /shop matches /shop and /shop/cart.
    /// The service sees the whole path.
    #[serde(default = "path")]
    #[schemars(length(max = 1024))]
    #[x_kube(validation = Rule::new("self.matches('^/([-A-Za-z0-9/._~!$&()*+,;=:@]|%[0-9a-fA-F]{2})*$') && !self.matches('//|/[.][.]?(/|$)|%2[fF]')")
        .message("write a path that starts with / and has no //, /./, /../ or %2F, such as / or /shop"))]
    pub path: String,
}

/// A Gateway.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ParentRef {
    /// Name of the Gateway.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,

    /// Namespace of the Gateway. Default: the Microservice's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,

    /// Name of one of the Gateway's listeners. Default: all that fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub section_name: Option<String>,

    /// Port of the Gateway's listeners. Default: all that fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<i32>,
}

/// The Service in front of the pods. Its port http (80) leads to the proxy. The metrics are not among
/// its ports: they have a Service of their own, NAME-metrics, that is reached inside the cluster only.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[x_kube(
    validation = Rule::new("!has(self.externalTrafficPolicy) || self.type != 'ClusterIP'")
        .message("externalTrafficPolicy is for what comes from outside: set type to NodePort or LoadBalancer, or remove it"),
    validation = Rule::new("!has(self.loadBalancerClass) || self.type == 'LoadBalancer'")
        .message("there is no load balancer: set type to LoadBalancer, or remove loadBalancerClass"),
)]
#[serde(rename_all = "camelCase")]
pub struct ServiceSettings {
    /// ClusterIP: reached inside the cluster only; NodePort: also on a port of each node; LoadBalancer:
    /// also through a load balancer of the cloud.
    #[serde(default)]
    pub r#type: ServiceType,

    /// Annotations of the Service, such as those of a cloud's load balancer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::annotations")]
    #[x_kube(validation = schema::foreign_annotations())]
    pub annotations: BTreeMap<String, String>,

    /// Where a node sends what comes to it from outside: Cluster, to any pod; Local, only to pods on that
    /// node, which see the client's own address. Default: Cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_traffic_policy: Option<ExternalTrafficPolicy>,

    /// Which controller makes the load balancer, such as service.k8s.aws/nlb. Kubernetes lets nobody
    /// change it while the type is LoadBalancer. Default: the cloud's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 316))]
    #[x_kube(validation = Rule::new("self.matches('^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$')")
        .message("write the name of a class, such as service.k8s.aws/nlb"))]
    pub load_balancer_class: Option<String>,

    /// ClientIP: all connections from one address go to the same pod. Default: None.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_affinity: Option<SessionAffinity>,

    /// Whether the Service has an address of one IP family or of both. Default: SingleStack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_family_policy: Option<IpFamilyPolicy>,

    /// More ports, past the proxy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(
        merge_strategy = ListMerge::Map(vec!["name".into()]),
        validation = Rule::new("self.all(p, !(p.name in ['http', 'https']) && !(p.port in [80, 443]))")
            .message("the names http and https and the ports 80 and 443 are the operator's: choose others"),
        validation = Rule::new("self.all(p, self.exists_one(q, q.port == p.port))")
            .message("each port of the Service stands once: choose another number in port; targetPort may be the same"),
    )]
    pub ports: Vec<ExtraPort>,

    /// Protocol of the port http, for meshes and gateways, such as http, kubernetes.io/h2c or kubernetes.io/ws; nginx speaks all three.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::app_protocol")]
    pub app_protocol: Option<String>,
}

/// A further port of the Service.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ExtraPort {
    /// Name of the port.
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')")
        .message("write lower-case letters, digits and -, such as grpc"))]
    pub name: String,

    /// Port of the Service.
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,

    /// Where it leads in the pods: a number, or the name of a container's port. Default: the same number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::target_port")]
    pub target_port: Option<IntOrString>,

    /// Protocol spoken on it, for meshes and gateways, such as kubernetes.io/h2c.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::app_protocol")]
    pub app_protocol: Option<String>,
}

/// Who reaches a Service.
#[derive(
    Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, strum::IntoStaticStr,
)]
#[allow(missing_docs)] // Kubernetes' own words.
pub enum ServiceType {
    #[default]
    ClusterIP,
    NodePort,
    LoadBalancer,
}

/// Which pods a node sends requests from outside to.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[allow(missing_docs)] // Kubernetes' own words.
pub enum ExternalTrafficPolicy {
    Cluster,
    Local,
}

/// Whether a client stays with a pod.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[allow(missing_docs)] // Kubernetes' own words.
pub enum SessionAffinity {
    None,
    ClientIP,
}

/// Of which IP families a Service has an address.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[allow(missing_docs)] // Kubernetes' own words.
pub enum IpFamilyPolicy {
    SingleStack,
    PreferDualStack,
    RequireDualStack,
}

fn path() -> String {
    "/".into()
}

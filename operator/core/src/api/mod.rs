//! The `Microservice` resource: what a team writes, and what we answer in its status.
//!
//! The CRD in `crds/` is generated from these types (`make generate`); their doc comments are what
//! `kubectl explain` shows. Rules that the API server checks stand beside the fields; rules that
//! need more than the one object stand in [`crate::plan::validate`].

mod account;
mod autoscaling;
mod common_metadata;
mod definition;
mod disruption;
mod duration;
mod expose;
mod file;
mod image;
mod kubernetes;
mod monitoring;
mod network_policy;
mod pod_metadata;
mod probes;
mod proxy;
mod quantity;
mod reference;
mod relabeling;
mod resources;
mod rollout;
mod rules;
mod schema;
mod spec;
mod status;

pub use account::Account;
pub use autoscaling::Autoscaling;
pub use common_metadata::CommonMetadata;
pub use definition::{GROUP, crd};
pub use disruption::Disruption;
pub use duration::parse_duration;
pub use expose::{
    Expose, ExternalTrafficPolicy, ExtraPort, HttpRoute, Ingress, IngressTls, IpFamilyPolicy, ParentRef,
    ServiceSettings, ServiceType, SessionAffinity,
};
pub use file::{File, FileSource};
pub use image::split_image;
pub use monitoring::{Dashboard, Monitoring, Statsd};
pub use network_policy::NetworkPolicy;
pub use pod_metadata::PodMetadata;
pub use probes::Probes;
pub use proxy::{ExtraConfig, PROXY_PORT, PROXY_TLS_PORT, Proxy, ProxyTls, RateLimit};
pub use quantity::{parse_quantity, write_quantity};
pub use reference::MicroserviceRef;
pub use relabeling::{RelabelAction, Relabeling};
pub use resources::Resources;
pub use rollout::{OnFailure, Rollout, Strategy};
pub use rules::{OwnRule, Rules};
pub use spec::{
    ConcurrencyChange, Config, DnsPolicy, Microservice, MicroserviceSpec, Profile, PullPolicy,
    ReferenceChange, UpgradePolicy,
};
pub use status::{
    Capacity, ConditionType, InventoryItem, LastRollout, MicroserviceStatus, Problem, Reason, RolloutReason,
    Severity, condition,
};

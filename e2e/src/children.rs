use kube::{api::ApiResource, runtime::watcher};

/// A kind that a Microservice becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Child {
    /// API group; empty for the core.
    pub group: &'static str,
    /// Name of the kind.
    pub kind: &'static str,
    /// Name in URLs.
    pub plural: &'static str,
}

/// What every Microservice becomes, whatever it asks for; each object has its name.
pub const CHILDREN: [Child; 5] = [
    Child { group: "", kind: "ServiceAccount", plural: "serviceaccounts" },
    Child { group: "", kind: "ConfigMap", plural: "configmaps" },
    Child { group: "apps", kind: "Deployment", plural: "deployments" },
    Child { group: "", kind: "Service", plural: "services" },
    Child { group: "monitoring.coreos.com", kind: "ServiceMonitor", plural: "servicemonitors" },
];

impl Child {
    /// For [`crate::Case::dynamic`].
    pub fn resource(&self) -> ApiResource {
        ApiResource {
            group: self.group.into(),
            version: "v1".into(),
            api_version: if self.group.is_empty() { "v1".into() } else { format!("{}/v1", self.group) },
            kind: self.kind.into(),
            plural: self.plural.into(),
        }
    }
}

/// Selects everything of one Microservice.
pub fn managed(name: &str) -> watcher::Config {
    watcher::Config::default().labels(&format!("microservice.dev/name={name}"))
}

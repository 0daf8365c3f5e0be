use serde::{Deserialize, Serialize};

/// Who may connect to the pods.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum NetworkPolicy {
    /// No NetworkPolicy: whatever others allow.
    #[default]
    Off,
    /// Everybody may send requests.
    Open,
    /// The own namespace, Gateways and ingress controllers may.
    Restricted,
}

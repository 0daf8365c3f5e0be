//! What every container of ours has.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{Capabilities, ContainerPort, ResourceRequirements, SecurityContext},
    apimachinery::pkg::api::resource::Quantity,
};

/// Puts the end of a failed container's log into its status, from where it gets into our conditions.
pub(super) const LAST_WORDS: &str = "FallbackToLogsOnError";

pub(super) fn port(name: &str, port: i32) -> ContainerPort {
    ContainerPort {
        name: Some(name.into()),
        container_port: port,
        protocol: Some("TCP".into()),
        ..Default::default()
    }
}

pub(super) fn requests(cpu: &str, memory: &str) -> ResourceRequirements {
    ResourceRequirements {
        requests: Some(BTreeMap::from([
            ("cpu".into(), Quantity(cpu.into())),
            ("memory".into(), Quantity(memory.into())),
        ])),
        ..Default::default()
    }
}

/// What Pod Security's `restricted` asks of a container, and a root file system that can't be written.
pub(super) fn security(user: Option<i64>) -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".into()]), add: None }),
        read_only_root_filesystem: Some(true),
        run_as_user: user,
        run_as_group: user,
        ..Default::default()
    }
}

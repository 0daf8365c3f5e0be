//! Containers beside the service: the user's, and the exporter of push mode.

use k8s_openapi::api::core::v1::{Capabilities, Container, SecurityContext};

use super::{
    defaults::{LAST_WORDS, security},
    statsd,
};
use crate::model::ResolvedMicroservice;

/// In the order in which they start: first the sidecars, so that what an init container needs (a
/// mesh, a way to a database) is there, then the init containers.
///
/// Sidecars are native ones: they start before the service and end after its last request, which a
/// plain container does not, for that is told to end at the same moment as the service.
pub(super) fn init_containers(resolved: &ResolvedMicroservice) -> Option<Vec<Container>> {
    let spec = &resolved.spec;
    let sidecars = spec
        .sidecars
        .iter()
        .cloned()
        .map(|sidecar| Container { restart_policy: Some("Always".into()), ..sidecar });
    let theirs = sidecars.chain(spec.init_containers.iter().cloned()).map(restricted);
    let all: Vec<_> = statsd::exporter(resolved).into_iter().chain(theirs).collect();
    (!all.is_empty()).then_some(all)
}

/// What the user doesn't say is as in our own containers.
fn restricted(container: Container) -> Container {
    Container {
        security_context: Some(completed(container.security_context.unwrap_or_default(), security(None))),
        termination_message_policy: container.termination_message_policy.or_else(|| Some(LAST_WORDS.into())),
        ..container
    }
}

/// What is said, and ours where nothing is.
pub(super) fn completed(said: SecurityContext, ours: SecurityContext) -> SecurityContext {
    let capabilities = match (said.capabilities, ours.capabilities) {
        (Some(mut said), Some(ours)) => {
            said.drop = said.drop.or(ours.drop);
            Some(said)
        }
        (said, ours) => said.or(ours),
    };
    // The API server takes no false beside what gives every privilege.
    let denied =
        ours.allow_privilege_escalation.filter(|_| !is_privileged(said.privileged, capabilities.as_ref()));
    SecurityContext {
        allow_privilege_escalation: said.allow_privilege_escalation.or(denied),
        read_only_root_filesystem: said.read_only_root_filesystem.or(ours.read_only_root_filesystem),
        run_as_user: said.run_as_user.or(ours.run_as_user),
        run_as_group: said.run_as_group.or(ours.run_as_group),
        capabilities,
        ..said
    }
}

fn is_privileged(privileged: Option<bool>, capabilities: Option<&Capabilities>) -> bool {
    let mut added = capabilities.iter().flat_map(|capabilities| capabilities.add.iter().flatten());
    privileged == Some(true) || added.any(|name| name == "CAP_SYS_ADMIN" || name == "SYS_ADMIN")
}

#[cfg(test)]
mod tests {
    use super::init_containers;
    use crate::model::ResolvedMicroservice;
    use serde_json::{Value, from_value, json, to_value};

    fn built(sidecars: Value, init_containers_: Value) -> Vec<Value> {
        let mut resolved = ResolvedMicroservice::example();
        resolved.spec.sidecars = from_value(sidecars).unwrap();
        resolved.spec.init_containers = from_value(init_containers_).unwrap();
        init_containers(&resolved).into_iter().flatten().map(|c| to_value(c).unwrap()).collect()
    }

    /// peers: RedHatInsights/clowder#1783, rigdev/rig#583, kserve#3646
    #[test]
    fn sidecars_start_before_init_containers_and_outlive_the_service() {
        let built = built(json!([{"name": "proxy"}]), json!([{"name": "migrate"}]));
        let names: Vec<_> = built.iter().map(|c| (&c["name"], &c["restartPolicy"])).collect();
        assert_eq!(names, [(&json!("proxy"), &json!("Always")), (&json!("migrate"), &Value::Null)]);
    }

    /// The API server answers 422 to `allowPrivilegeEscalation: false` beside either.
    #[test]
    fn a_privileged_container_is_not_told_that_it_may_not_escalate() {
        for said in [json!({"privileged": true}), json!({"capabilities": {"add": ["CAP_SYS_ADMIN"]}})] {
            let containers = json!([{"name": "a", "securityContext": said}]);
            for built in [built(containers.clone(), json!([])), built(json!([]), containers)] {
                let security = &built[0]["securityContext"];
                assert_eq!(security.get("allowPrivilegeEscalation"), None, "{security}");
                assert_eq!(security["readOnlyRootFilesystem"], true);
            }
        }
        let denied = json!([{"name": "a", "securityContext": {"privileged": false}}]);
        assert_eq!(built(denied, json!([]))[0]["securityContext"]["allowPrivilegeEscalation"], false);
    }

    #[test]
    fn what_the_user_says_of_security_stays_and_the_rest_is_restricted() {
        let said = json!({"readOnlyRootFilesystem": false, "runAsUser": 1, "capabilities": {"add": ["NET_BIND_SERVICE"]}});
        let built = built(json!([{"name": "a"}, {"name": "b", "securityContext": said}]), json!([]));
        assert_eq!(
            built[0]["securityContext"],
            json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": true})
        );
        assert_eq!(
            built[1]["securityContext"],
            json!({"allowPrivilegeEscalation": false, "capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]},
                "readOnlyRootFilesystem": false, "runAsUser": 1})
        );
    }
}

//! Pure: what others have added where nobody but us may. An apply does not remove it: it leaves alone what
//! another field manager owns. `operator/ARCHITECTURE.md` has the table for people.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{ResourceExt, core::DynamicObject};
use serde::Deserialize;
use serde_json::{Value, json};

use super::adoption::is_former;
use crate::model::Kind;

/// What is closed to others, by its path: `*` are a map's keys, `LIST[KEYS]*` a list's items, a name
/// is a field that is to be missing where we don't send it, or to be what it is by default (`=JSON`).
/// `LIST[KEYS]` leads into those items that we have, too.
///
/// Maps and lists that are one value to the API server, such as a Service's selector, need no row.
fn closed(kind: Kind) -> Vec<String> {
    let rows: &[&str] = match kind {
        Kind::ConfigMap => &["data.*", "binaryData.*"],
        Kind::Service => &[
            "spec.ports[port,protocol]*",
            "spec.sessionAffinity=\"None\"",
            "spec.sessionAffinityConfig",
            "spec.externalIPs",
            "spec.externalName",
            "spec.publishNotReadyAddresses=false",
            "spec.internalTrafficPolicy=\"Cluster\"",
        ],
        Kind::Deployment => return [of_pods(), of_containers()].concat(),
        Kind::HorizontalPodAutoscaler => &["spec.behavior"],
        Kind::Ingress => &["spec.defaultBackend"],
        Kind::NetworkPolicy => &["spec.egress"],
        Kind::ServiceAccount
        | Kind::PodDisruptionBudget
        | Kind::HttpRoute
        | Kind::ControllerRevision
        | Kind::ServiceMonitor
        | Kind::PrometheusRule => &[],
    };
    rows.iter().map(|row| (*row).to_owned()).collect()
}

/// Where the pods run and what they see of their network.
fn of_pods() -> Vec<String> {
    let rows = [
        "nodeSelector",
        "nodeName",
        "schedulerName=\"default-scheduler\"",
        "affinity",
        "topologySpreadConstraints[topologyKey,whenUnsatisfiable]*",
        "priorityClassName",
        "runtimeClassName",
        "hostNetwork=false",
        "hostPID=false",
        "hostIPC=false",
        "hostAliases",
        "dnsPolicy=\"ClusterFirst\"",
        "dnsConfig",
    ];
    rows.iter().map(|row| format!("spec.template.spec.{row}")).collect()
}

/// What runs in our containers; containers of others are theirs.
fn of_containers() -> Vec<String> {
    let rows = [
        "env[name]*",
        "envFrom",
        "command",
        "args",
        "workingDir",
        "lifecycle",
        "livenessProbe",
        "readinessProbe",
        "startupProbe",
        "resources.requests.*",
        "resources.limits.*",
    ];
    let lists = ["containers", "initContainers"];
    let each = lists.iter().flat_map(|list| rows.iter().map(move |row| (list, row)));
    each.map(|(list, row)| format!("spec.template.spec.{list}[name].{row}")).collect()
}

/// One thing that somebody else has added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addition {
    /// Its path, for people.
    pub path: String,
    /// The operation of a JSON Patch that sets it back.
    pub operation: Value,
}

/// All of them, in an order in which they can be set back one after the other.
pub fn additions(kind: Kind, desired: &Value, live: &DynamicObject) -> Vec<Addition> {
    let mut found = former_owner(desired, live).into_iter().collect();
    for row in closed(kind) {
        let steps: Vec<_> = row.split('.').collect();
        find(&steps, Some(desired), &live.data, &Place::default(), &mut found);
    }
    // A list's last item first: the others keep their numbers.
    found.reverse();
    found
}

/// An object has one controller: an earlier Microservice of our name makes room for ours.
fn former_owner(desired: &Value, live: &DynamicObject) -> Option<Addition> {
    let ours = OwnerReference::deserialize(desired.pointer("/metadata/ownerReferences/0")?).ok()?;
    let owners = live.owner_references();
    owners.iter().find(|owner| is_former(owner, &ours))?;
    let others = owners.iter().filter(|owner| !is_former(owner, &ours) && owner.uid != ours.uid);
    let value: Vec<_> = others.chain([&ours]).collect();
    let operation = json!({"op": "replace", "path": "/metadata/ownerReferences", "value": value});
    Some(Addition { path: "metadata.ownerReferences".into(), operation })
}

/// Where in an object.
#[derive(Clone, Debug, Default)]
struct Place {
    path: String,
    pointer: String,
}

impl Place {
    fn of(&self, name: &str) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        let escaped = name.replace('~', "~0").replace('/', "~1");
        Self { path: format!("{}{dot}{name}", self.path), pointer: format!("{}/{escaped}", self.pointer) }
    }

    fn item(&self, index: usize, key: &Value) -> Self {
        let key = key.as_str().map_or_else(|| key.to_string(), ToOwned::to_owned);
        Self { path: format!("{}[{key}]", self.path), pointer: format!("{}/{index}", self.pointer) }
    }

    fn remove(&self) -> Addition {
        Addition { path: self.path.clone(), operation: json!({"op": "remove", "path": self.pointer}) }
    }
}

fn find(steps: &[&str], desired: Option<&Value>, live: &Value, at: &Place, found: &mut Vec<Addition>) {
    let [step, rest @ ..] = steps else { return };
    let get = |name: &str| desired.and_then(|desired| desired.get(name));
    if *step == "*" {
        let keys = live.as_object().into_iter().flat_map(|live| live.keys());
        found.extend(keys.filter(|key| get(key).is_none()).map(|key| at.of(key).remove()));
    } else if let Some((list, keys)) = step.split_once('[') {
        let place = at.of(list);
        let list = Items {
            desired: get(list).and_then(Value::as_array).map_or(&[][..], Vec::as_slice),
            live: live.get(list).and_then(Value::as_array).map_or(&[][..], Vec::as_slice),
            keys: keys.trim_end_matches(['*', ']']).split(',').collect(),
        };
        if keys.ends_with('*') {
            found.extend(list.additions(&place));
        }
        for (index, item) in list.live.iter().enumerate() {
            if let Some(desired) = list.counterpart(item, list.desired) {
                find(rest, Some(desired), item, &list.place(&place, index, item), found);
            }
        }
    } else if rest.is_empty() {
        let (name, default) = step.split_once('=').unwrap_or((step, "null"));
        let default: Value = serde_json::from_str(default).unwrap_or_default();
        let is_set = live.get(name).is_some_and(|value| *value != default && *value != json!({}));
        found.extend((is_set && get(name).is_none()).then(|| at.of(name).remove()));
    } else if let Some(live) = live.get(*step) {
        find(rest, get(step), live, &at.of(step), found);
    }
}

/// A list whose items have keys.
struct Items<'a> {
    desired: &'a [Value],
    live: &'a [Value],
    keys: Vec<&'a str>,
}

impl Items<'_> {
    fn counterpart<'a>(&self, item: &Value, others: &'a [Value]) -> Option<&'a Value> {
        others.iter().find(|other| self.keys.iter().all(|key| other.get(key) == item.get(key)))
    }

    fn place(&self, list: &Place, index: usize, item: &Value) -> Place {
        list.item(index, self.keys.first().and_then(|key| item.get(key)).unwrap_or(&Value::Null))
    }

    fn additions(&self, list: &Place) -> Vec<Addition> {
        let items = self.live.iter().enumerate();
        let foreign = items.filter(|(_, item)| self.counterpart(item, self.desired).is_none());
        let removed: Vec<_> = foreign.map(|(index, item)| self.place(list, index, item).remove()).collect();
        let complete = self.desired.iter().all(|item| self.counterpart(item, self.live).is_some());
        match removed.first() {
            // What came instead of ours may be in its way, such as by its name: both at once.
            Some(first) if !complete => {
                let wanted =
                    self.desired.iter().map(|item| self.counterpart(item, self.live).unwrap_or(item));
                let value = Value::Array(wanted.cloned().collect());
                let operation = json!({"op": "replace", "path": list.pointer, "value": value});
                vec![Addition { path: first.path.clone(), operation }]
            }
            _ => removed,
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn of(kind: Kind, desired: &Value, live: &Value) -> Vec<Addition> {
        let mut object = live.clone();
        object["metadata"] = live.get("metadata").cloned().unwrap_or(json!({}));
        additions(kind, desired, &serde_json::from_value(object).unwrap())
    }

    #[test]
    fn an_object_of_another_cluster_changes_its_controller_and_keeps_its_other_owners() {
        let owner = |name: &str, uid: &str| json!({"apiVersion": "microservice.dev/v1", "kind": "Microservice", "name": name, "uid": uid});
        let metadata = |owners: Value| json!({"metadata": {"ownerReferences": owners}});
        let (ours, old, other) = (owner("m", "new"), owner("m", "old"), owner("other", "other"));
        let desired = metadata(json!([ours]));
        let found = of(Kind::Service, &desired, &metadata(json!([old, other])));
        assert_eq!(found[0].operation["value"], json!([other, ours]));
        assert_eq!(of(Kind::Service, &desired, &metadata(json!([ours, other]))), []);
        assert_eq!(of(Kind::Service, &desired, &metadata(json!([]))), []);
    }

    fn pod(spec: &Value) -> Value {
        json!({"spec": {"template": {"spec": spec}}})
    }

    fn container(mut fields: Value) -> Value {
        fields["name"] = json!("service");
        pod(&json!({"containers": [fields]}))
    }

    /// Each row of the table, once set by somebody else, and once by us.
    #[rstest]
    #[case(Kind::ConfigMap, json!({"data": {"a": "1"}}), json!({"data": {"a": "1", "x/y": "2"}}), &["data.x/y"])]
    #[case(Kind::ConfigMap, json!({}), json!({"binaryData": {"x": "MQ=="}}), &["binaryData.x"])]
    #[case(Kind::Service, json!({"spec": {"ports": [{"port": 80, "protocol": "TCP"}]}}), json!({"spec": {"ports": [{"port": 80, "protocol": "TCP", "nodePort": 30000}, {"port": 80, "protocol": "UDP"}, {"port": 81, "protocol": "TCP"}]}}), &["spec.ports[81]", "spec.ports[80]"])]
    #[case(Kind::Service, json!({}), json!({"spec": {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 5}}}}), &["spec.sessionAffinityConfig", "spec.sessionAffinity"])]
    #[case(Kind::Service, json!({}), json!({"spec": {"externalIPs": ["1.2.3.4"], "publishNotReadyAddresses": true, "internalTrafficPolicy": "Local"}}), &["spec.internalTrafficPolicy", "spec.publishNotReadyAddresses", "spec.externalIPs"])]
    #[case(Kind::Service, json!({}), json!({"spec": {"sessionAffinity": "None", "internalTrafficPolicy": "Cluster", "clusterIP": "10.0.0.1", "externalTrafficPolicy": "Local"}}), &[])]
    #[case(Kind::Deployment, pod(&json!({})), pod(&json!({"nodeSelector": {"a": "b"}, "hostNetwork": true, "dnsPolicy": "Default", "schedulerName": "other"})), &["spec.template.spec.dnsPolicy", "spec.template.spec.hostNetwork", "spec.template.spec.schedulerName", "spec.template.spec.nodeSelector"])]
    #[case(Kind::Deployment, pod(&json!({"nodeSelector": {"a": "b"}})), pod(&json!({"nodeSelector": {"a": "b"}, "dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler", "tolerations": [{}], "volumes": [{}]})), &[])]
    #[case(Kind::Deployment, pod(&json!({"topologySpreadConstraints": [{"topologyKey": "a", "whenUnsatisfiable": "DoNotSchedule"}]})), pod(&json!({"topologySpreadConstraints": [{"topologyKey": "a", "whenUnsatisfiable": "ScheduleAnyway"}, {"topologyKey": "a", "whenUnsatisfiable": "DoNotSchedule"}]})), &["spec.template.spec.topologySpreadConstraints[a]"])]
    #[case(Kind::Deployment, container(json!({"env": [{"name": "A"}]})), container(json!({"env": [{"name": "X"}, {"name": "A", "value": ""}, {"name": "Y"}]})), &["spec.template.spec.containers[service].env[Y]", "spec.template.spec.containers[service].env[X]"])]
    #[case(Kind::Deployment, container(json!({})), container(json!({"command": ["x"], "readinessProbe": {"exec": {}}, "volumeMounts": [{}], "resources": {"limits": {"memory": "1Mi"}}})), &["spec.template.spec.containers[service].resources.limits.memory", "spec.template.spec.containers[service].readinessProbe", "spec.template.spec.containers[service].command"])]
    #[case(Kind::Deployment, container(json!({})), pod(&json!({"containers": [{"name": "injected", "env": [{"name": "A"}], "command": ["x"]}], "initContainers": [{"name": "init", "args": []}]})), &[])]
    #[case(Kind::HorizontalPodAutoscaler, json!({}), json!({"spec": {"behavior": {"scaleUp": {}}}}), &["spec.behavior"])]
    #[case(Kind::Ingress, json!({}), json!({"spec": {"defaultBackend": {"resource": {}}}}), &["spec.defaultBackend"])]
    #[case(Kind::NetworkPolicy, json!({}), json!({"spec": {"egress": [{}]}}), &["spec.egress"])]
    #[case(Kind::ServiceAccount, json!({}), json!({"imagePullSecrets": [{"name": "a"}]}), &[])]
    fn what_is_closed_to_others_is_found_and_nothing_else(
        #[case] kind: Kind,
        #[case] desired: Value,
        #[case] live: Value,
        #[case] paths: &[&str],
    ) {
        let found: Vec<_> = of(kind, &desired, &live).into_iter().map(|a| a.path).collect();
        assert_eq!(found, paths);
        assert_eq!(of(kind, &live, &live), [], "what we send is no addition");
    }

    #[test]
    fn a_pointer_leads_to_what_is_removed() {
        let live = json!({"data": {"x/y~": "2"}});
        let found = of(Kind::ConfigMap, &json!({}), &live);
        assert_eq!(found[0].operation, json!({"op": "remove", "path": "/data/x~1y~0"}));
        assert!(live.pointer("/data/x~1y~0").is_some());
    }

    /// The API server takes no two ports of one name, and no Service without one.
    #[test]
    fn a_port_that_took_the_place_of_ours_is_replaced_at_once() {
        let ours = json!({"spec": {"ports": [{"name": "http", "port": 80}, {"name": "m", "port": 90}]}});
        let live = json!({"spec": {"ports": [{"name": "http", "port": 81}, {"name": "m", "port": 90, "nodePort": 3}]}});
        let found = of(Kind::Service, &ours, &live);
        let value = json!([{"name": "http", "port": 80}, {"name": "m", "port": 90, "nodePort": 3}]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].operation, json!({"op": "replace", "path": "/spec/ports", "value": value}));
    }
}

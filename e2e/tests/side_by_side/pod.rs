//! What the spec says of pods is so in a pod that runs.

use anyhow::{Context, Result, ensure};
use e2e::{Case, wait};
use k8s_openapi::{
    api::{
        core::v1::{ConfigMap, ContainerState, Pod, Secret, ServiceAccount},
        events::v1::Event,
        networking::v1::NetworkPolicy,
    },
    jiff::Timestamp,
};
use kube::{
    Resource, ResourceExt,
    api::{ListParams, LogParams, PostParams},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Files that the service's container must have before it is ready.
const FILES: [&str; 4] =
    ["/etc/shop/settings.toml", "/etc/shop/flags/COLOUR", "/etc/shop/tls.crt", "/shared/from-init"];

fn spec(case: &Case, settings: &str) -> Value {
    let image = &case.settings.client_image;
    let shared = json!([{ "name": "shared", "mountPath": "/shared" }]);
    let show = [&["show"][..], &FILES].concat();
    let args = [&show[..], &["--env", "COLOUR", "--env", "PORT", "--stay"]].concat();
    let ready = [&["/e2e-client"][..], &show].concat();
    json!({
        "image": image,
        "command": ["/e2e-client"],
        "args": args,
        "probes": { "readiness": { "exec": { "command": ready } } },
        "envFrom": [{ "configMapRef": { "name": "flags" } }],
        "files": [
            { "path": FILES[0], "content": settings },
            { "path": "/etc/shop/flags", "configMap": { "name": "flags" } },
            { "path": FILES[2], "secret": { "name": "shop", "key": "certificate" } },
        ],
        "volumes": [{ "name": "shared", "emptyDir": { "sizeLimit": "1024Ki" } }],
        "volumeMounts": shared,
        "initContainers": [{
            "name": "prepare",
            "image": image,
            "args": ["write", "/shared/from-init", "prepared"],
            "volumeMounts": shared,
        }],
        "sidecars": [{ "name": "helper", "image": image, "args": ["show", "--stay"] }],
        "serviceAccount": { "name": "shop" },
        "podMetadata": { "labels": { "team": "shop" }, "annotations": { "example.com/owner": "shop" } },
        "commonMetadata": { "labels": { "cost-center": "42" } },
        "hostAliases": [{ "ip": "10.0.0.9", "hostnames": ["ledger.internal"] }],
        "dnsConfig": { "options": [{ "name": "ndots", "value": "2" }] },
        "terminationGracePeriodSeconds": 100,
        "networkPolicy": "open",
        "egress": [{ "ports": [{ "port": 5432, "protocol": "TCP" }] }],
        "proxy": { "enabled": false },
        "monitoring": { "enabled": false },
        "concurrencyChange": "Restart",
    })
}

/// peers: RedHatInsights/clowder#1783, rigdev/rig#583, kserve#3646 (a sidecar starts before the
/// service and ends after it)
#[tokio::test]
#[ignore = "needs a cluster"]
async fn a_pod_has_all_that_the_spec_gives_it() -> Result<()> {
    e2e::run("pod", async |case| {
        let name = |name: &str| json!({ "name": name });
        create::<ServiceAccount>(case, json!({ "metadata": name("shop") })).await?;
        let flags = json!({ "metadata": name("flags"), "data": { "COLOUR": "blue", "PORT": "1" } });
        create::<ConfigMap>(case, flags).await?;
        let secret = json!({ "metadata": name("shop"), "stringData": { "certificate": "signed" } });
        create::<Secret>(case, secret).await?;

        case.apply("m", spec(case, "one")).await?;
        case.ready("m").await?;
        let pod = only_pod(case).await?;
        let shown = shown(case, &pod).await?;
        assert_eq!(
            shown["files"],
            json!({ FILES[0]: "one", FILES[1]: "blue", FILES[2]: "signed", FILES[3]: "prepared" })
        );
        // What the operator sets wins over envFrom.
        assert_eq!(shown["env"], json!({ "COLOUR": "blue", "PORT": "8080" }));
        assert_eq!(pod.labels()["team"], "shop");
        assert_eq!(pod.annotations()["example.com/owner"], "shop");
        let running = pod.spec.as_ref().context("no spec")?;
        assert_eq!(running.service_account_name.as_deref(), Some("shop"));
        assert_eq!(running.automount_service_account_token, Some(false));
        assert_eq!(running.host_aliases.iter().flatten().next().context("no host alias")?.ip, "10.0.0.9");
        assert!(running.dns_config.is_some() && running.termination_grace_period_seconds == Some(100));
        let policy = case.api::<NetworkPolicy>().get("m").await?;
        assert_eq!(policy.labels()["cost-center"], "42");
        let egress = policy.spec.context("no spec")?.egress.context("no egress")?;
        assert_eq!(egress.len(), 2, "DNS and the rule");
        let spread = running.topology_spread_constraints.iter().flatten();
        let domains: Vec<_> = spread.map(|constraint| &*constraint.topology_key).collect();
        assert_eq!(domains, ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]);
        assert!(case.api::<ServiceAccount>().get_opt("m").await?.is_none(), "the operator made an account");
        let [helper, prepare, service] = ["helper", "prepare", "service"].map(|name| started(&pod, name));
        assert!(helper? <= prepare? && started(&pod, "prepare")? <= service?, "started in another order");

        // Another content is another pod.
        case.apply("m", spec(case, "two")).await?;
        case.ready("m").await?;
        let renewed = only_pod(case).await?;
        assert_ne!(renewed.uid(), pod.uid());
        assert_eq!(self::shown(case, &renewed).await?["files"][FILES[0]], "two");

        let mut none = spec(case, "two");
        none["replicas"] = json!(0);
        case.apply("m", none).await?;
        let both = |pod: &Pod| ended(pod, "service").is_ok() && ended(pod, "helper").is_ok();
        let last =
            wait::found(&case.api::<Pod>(), &renewed.name_any(), "the end of both", wait::LONG, both).await?;
        let (service, helper) = (ended(&last, "service")?, ended(&last, "helper")?);
        ensure!(service <= helper, "the sidecar ended at {helper}, the service only at {service}");
        Ok(())
    })
    .await
}

/// Pod Security keeps its pods out of this namespace; the Deployment is the API server's matter.
#[tokio::test]
#[ignore = "needs a cluster"]
async fn a_privileged_sidecar_is_not_refused_for_a_default_of_ours() -> Result<()> {
    e2e::run("privileged", async |case| {
        let sidecar = |context: Value| json!({ "name": "s", "image": "i:1", "securityContext": context });
        for context in
            [json!({ "privileged": true }), json!({ "capabilities": { "add": ["CAP_SYS_ADMIN"] } })]
        {
            let spec = json!({ "stopped": true, "sidecars": [sidecar(context)] });
            case.apply("m", spec).await?;
            case.condition("m", "Ready", "True", "Stopped").await?;
        }
        Ok(())
    })
    .await
}

async fn create<K>(case: &Case, object: Value) -> Result<()>
where
    K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
        + DeserializeOwned
        + serde::Serialize
        + Clone
        + std::fmt::Debug,
{
    case.api::<K>().create(&PostParams::default(), &serde_json::from_value(object)?).await?;
    Ok(())
}

async fn only_pod(case: &Case) -> Result<Pod> {
    let mut pods = case.pods("m").await?;
    ensure!(pods.len() == 1, "{} pods", pods.len());
    pods.pop().context("no pod")
}

/// What the service's container printed.
async fn shown(case: &Case, pod: &Pod) -> Result<Value> {
    let params = LogParams { container: Some("service".into()), ..LogParams::default() };
    let log = case.api::<Pod>().logs(&pod.name_any(), &params).await?;
    serde_json::from_str(&log).with_context(|| format!("not what it shows: {log}"))
}

fn state(pod: &Pod, container: &str) -> Result<ContainerState> {
    let status = pod.status.as_ref().context("no status")?;
    let mut all = status.container_statuses.iter().chain(&status.init_container_statuses).flatten();
    let found = all.find(|status| status.name == container).and_then(|status| status.state.clone());
    found.with_context(|| format!("container {container} has no state"))
}

fn started(pod: &Pod, container: &str) -> Result<Timestamp> {
    let state = state(pod, container)?;
    let running = state.running.and_then(|running| running.started_at);
    let time = running.or_else(|| state.terminated.and_then(|ended| ended.started_at));
    Ok(time.with_context(|| format!("container {container} has not started"))?.0)
}

fn ended(pod: &Pod, container: &str) -> Result<Timestamp> {
    let time = state(pod, container)?.terminated.and_then(|ended| ended.finished_at);
    Ok(time.with_context(|| format!("container {container} has not ended"))?.0)
}

/// Every field at once, and a name that no Service may have: the API server takes all that becomes of
/// it.
///
/// peers: opentelemetry-operator#596, jaeger-operator#487, azure-service-operator#4734
#[tokio::test]
#[ignore = "needs a cluster"]
async fn the_api_server_takes_every_field_under_the_longest_name() -> Result<()> {
    e2e::run("every-field", async |case| {
        let file = e2e::example("full.yaml");
        let full = case.kubectl().run(&["create", "-f", &file, "--dry-run=client", "-o", "json"]).await?;
        let mut full: Value = serde_json::from_str(&full)?;
        full["spec"]["stopped"] = json!(true);
        // What it names must be there.
        case.kubectl().run(&["create", "secret", "generic", "shop-tls"]).await?;
        case.kubectl().run(&["create", "configmap", "flags"]).await?;
        let name = "n".repeat(253);
        case.apply(&name, full["spec"].clone()).await?;
        case.condition(&name, "Ready", "True", "Stopped").await?;
        wait::until("an Event of it", wait::SHORT, async || {
            let events = case.api::<Event>().list(&ListParams::default()).await?.items;
            let about = |event: &Event| event.regarding.as_ref().and_then(|o| o.name.as_ref()) == Some(&name);
            Ok(events.iter().any(about).then_some(()))
        })
        .await
    })
    .await
}

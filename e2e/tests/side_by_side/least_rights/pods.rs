//! Pods that say they are a service's and run; nothing of them does. Their Microservices are asked of
//! for as long as a pod says that it runs fewer workers than wanted.

use anyhow::Result;
use e2e::{Case, wait};
use k8s_openapi::api::{core::v1::Pod, events::v1::Event};
use kube::{
    ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use operator_core::{
    manifests::SERVICE_CONTAINER,
    model::meta::{CONCURRENCY_ANNOTATION, MANAGED_BY, MANAGER, OWNER_ANNOTATION},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// Its pod is told to take its configuration again and again.
pub const LAGGING: &str = "lagging";
/// Its pod has other resources than its workers need.
pub const RESIZED: &str = "resized";
/// Its pod does not get ready, and only an Event says why.
pub const SILENT: &str = "silent";

pub fn rights() -> impl Iterator<Item = String> {
    let rights = ["list pods", "watch pods", "patch pods", "patch pods/resize", "list events"];
    rights.into_iter().map(Into::into)
}

/// Answers as the admin port of a service with one worker; its port.
pub async fn admin_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let body = r#"{"workers":1,"requestsPerWorker":1}"#;
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            // A request is one packet; an error says that nobody waits for the answer.
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    Ok(port)
}

/// The name of its pod, as a ReplicaSet would make it.
pub fn pod_of(microservice: &str) -> String {
    format!("{microservice}-1")
}

/// The spec of [`LAGGING`].
pub fn lagging(admin_port: u16) -> Value {
    super::kinds::spec(json!({ "concurrency": 2, "adminPort": admin_port }))
}

/// The spec of [`RESIZED`]; so much for each worker.
pub fn resized(admin_port: u16, memory: &str) -> Value {
    super::kinds::spec(json!({
        "adminPort": admin_port, "resourcesPerWorker": { "requests": { "memory": memory } },
    }))
}

/// A pod of a Microservice that is ready.
pub async fn start(case: &Case, owner: &str, name: &str) -> Result<()> {
    start_as(case, owner, name, "True").await
}

/// A pod that has not been ready for long, and what its kubelet would say of it.
pub async fn complain(case: &Case, words: &str) -> Result<()> {
    // Of somebody else until its Event is there: the operator looks once, and not again so soon.
    start_as(case, "nobody", SILENT, "False").await?;
    let (name, pods) = (pod_of(SILENT), case.api::<Pod>());
    let pod = pods.get(&name).await?;
    let event: Event = serde_json::from_value(json!({
        "metadata": { "generateName": "silent-" },
        "type": "Warning", "reason": "FailedMount", "action": "Mount", "note": words,
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "e2e", "reportingInstance": "e2e",
        "regarding": { "apiVersion": "v1", "kind": "Pod", "name": name, "namespace": case.namespace, "uid": pod.uid() },
    }))?;
    case.api::<Event>().create(&PostParams::default(), &event).await?;
    let ours = json!({ "metadata": { "annotations": { OWNER_ANNOTATION: SILENT } } });
    pods.patch(&name, &PatchParams::default(), &Patch::Merge(ours)).await?;
    Ok(())
}

async fn start_as(case: &Case, owner: &str, of: &str, ready: &str) -> Result<()> {
    let (name, pods) = (pod_of(of), case.api::<Pod>());
    let pod: Pod = serde_json::from_value(json!({
        "metadata": { "name": name, "labels": { MANAGED_BY: MANAGER }, "annotations": { OWNER_ANNOTATION: owner } },
        "spec": {
            "schedulerName": "nobody",
            "automountServiceAccountToken": false,
            "securityContext": { "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": { "type": "RuntimeDefault" } },
            "containers": [{ "name": SERVICE_CONTAINER, "image": "none",
                "resources": { "requests": { "cpu": "1m", "memory": "1Mi" } },
                "securityContext": { "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } } }],
        },
    }))?;
    pods.create(&PostParams::default(), &pod).await?;
    let ready = json!({ "type": "Ready", "status": ready, "lastTransitionTime": "2026-01-01T00:00:00Z" });
    let status = json!({ "status": { "phase": "Running", "podIP": "127.0.0.1", "conditions": [ready] } });
    pods.patch_status(&name, &PatchParams::default(), &Patch::Merge(status)).await?;
    Ok(())
}

pub async fn delete(case: &Case, of: &str) -> Result<()> {
    let name = pod_of(of);
    case.api::<Pod>().delete(&name, &DeleteParams::default().grace_period(0)).await?;
    wait::object(&case.api::<Pod>(), &name, "the pod to be gone", wait::SHORT, |found| found.is_none())
        .await?;
    Ok(())
}

/// Forgets that it was told to take its configuration.
pub async fn forget(case: &Case, of: &str) -> Result<()> {
    let patch = json!({ "metadata": { "annotations": { CONCURRENCY_ANNOTATION: null } } });
    case.api::<Pod>().patch(&pod_of(of), &PatchParams::default(), &Patch::Merge(patch)).await?;
    Ok(())
}

/// Waits until it is told to take its configuration.
pub async fn told(case: &Case, of: &str) -> Result<()> {
    wait::found(&case.api::<Pod>(), &pod_of(of), "the annotation", wait::LONG, is_told).await.map(drop)
}

/// Was it told to take its configuration?
pub fn is_told(pod: &Pod) -> bool {
    pod.annotations().contains_key(CONCURRENCY_ANNOTATION)
}

//! From `kubectl apply` to a request that Prometheus has counted.

use anyhow::{Context, Result};
use e2e::{Case, condition, example};
use k8s_openapi::api::core::v1::Service;
use serde_json::json;

const BODY: &str = r#"{"hello":"pymicro-flask","nested":{"a":[1]}}"#;

#[tokio::test]
#[ignore = "needs a cluster"]
async fn apply_ready_request_counted() -> Result<()> {
    e2e::run("lifecycle", async |case| {
        case.kubectl().run(&["apply", "-f", &example("hello.yaml")]).await?;
        case.ready("hello").await?;
        // The URL is published when a request there was answered.
        let hello = case.condition("hello", "Verified", "True", "RequestAnswered").await?;

        let generation = hello.metadata.generation;
        let status = hello.status.clone().context("no status")?;
        assert_eq!(Some(status.observed_generation), generation);
        assert_eq!(condition(&hello, "Ready").and_then(|ready| ready.observed_generation), generation);
        assert_eq!(status.url, format!("http://hello.{}.svc", case.namespace));
        assert_eq!((status.replicas, status.ready_replicas, status.updated_replicas), (1, 1, 1));
        assert_eq!((status.capacity.total, status.capacity.queue), (4, 40));
        if let Some(image) = &case.settings.service_image {
            assert_eq!(&status.effective_image, image);
        }

        columns_tell(case).await?;
        // Only so that the test need not wait for the next of the scrapes 30 s apart.
        let often = r#"{"spec":{"monitoring":{"interval":"2s"}}}"#;
        case.kubectl().run(&["patch", "msvc/hello", "--type=merge", "--patch", often]).await?;
        let sent = answers_merge_the_input(case, &status.url).await?;
        counted(case, sent).await
    })
    .await
}

/// What `kubectl get msvc` shows.
async fn columns_tell(case: &Case) -> Result<()> {
    let wait = ["wait", "--for=condition=Ready", "msvc/hello", "--timeout=30s"];
    case.kubectl().run(&wait).await?;
    let table = case.kubectl().run(&["get", "msvc", "hello", "-o", "wide"]).await?;
    let mut lines = table.lines();
    let columns: Vec<_> = lines.next().context("no header")?.split_whitespace().collect();
    assert_eq!(columns, ["NAME", "READY", "REPLICAS", "WORKERS", "VERSION", "URL", "AGE", "REASON"]);
    let row: Vec<_> = lines.next().context("no row")?.split_whitespace().collect();
    assert_eq!(row[..4], ["hello", "True", "1", "4"], "{table}");
    assert_eq!(row[5], format!("http://hello.{}.svc", case.namespace), "{table}");
    assert_eq!(row[7], "AllReplicasReady", "{table}");
    Ok(())
}

/// By short name, by the status' URL and by the cluster address, each through nginx. Returns how many
/// requests reached the service.
async fn answers_merge_the_input(case: &Case, url: &str) -> Result<u32> {
    let service = case.api::<Service>().get("hello").await?;
    let address = service.spec.and_then(|spec| spec.cluster_ip).context("no cluster address")?;
    let mut sent = 0;
    for base in ["http://hello", url, &format!("http://{address}")] {
        let answer = case.request("POST", &format!("{base}/microservice"), Some(BODY)).await?;
        sent += 1;
        assert_eq!(answer.status, 200, "{base}: {answer:?}");
        let body = answer.json()?;
        assert_eq!(body["hello"], "pymicro-flask", "{body}");
        assert_eq!(body["nested"], json!({ "a": [1] }), "{body}");
        assert_eq!(body["pymicro.ret"], 0, "{body}");
        assert!(body["pymicro.s_time"].is_string() && body["pymicro.e_time"].is_string(), "{body}");
    }
    let hidden = case.request("GET", "http://hello/metrics", None).await?;
    assert_eq!(hidden.status, 404, "nginx must not show /metrics: {hidden:?}");
    Ok(sent)
}

/// Prometheus has scraped the pod and says what we sent.
async fn counted(case: &Case, sent: u32) -> Result<()> {
    let query =
        format!(r#"sum by (namespace) (pymicro_req_total{{namespace="{}"}}) >= {sent}"#, case.namespace);
    let sample = case.prometheus_until(&query).await?;
    assert_eq!(sample.label("namespace"), case.namespace);
    // One scrape per pod: through two Services each request would count twice.
    assert!(sample.value < f64::from(2 * sent), "{sample:?}");
    Ok(())
}

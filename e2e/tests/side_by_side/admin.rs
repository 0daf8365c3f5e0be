//! What the operator says of itself.

use anyhow::{Context, Result, ensure};
use e2e::{OperatorPod, parse_metrics, sum};
use serde_json::{Value, json};

#[tokio::test]
#[ignore = "needs a cluster"]
async fn it_is_alive_ready_and_measured() -> Result<()> {
    e2e::run("admin", async |case| {
        case.apply_ready("a", json!({})).await?;
        let operator = case.operator().await?;
        operator.get("/livez").await?;
        operator.get("/readyz").await?;
        assert!(operator.get("/no-such-path").await.is_err(), "an unknown path is 404");

        let text = operator.get("/metrics").await?;
        let samples = parse_metrics(&text);
        let reconciles = sum(&samples, "microservice_operator_reconcile_duration_seconds_count");
        assert!(reconciles.context("no reconciles")? >= 1.0);
        assert!(sum(&samples, "microservice_operator_writes_total").context("no writes")? >= 1.0);
        assert!(sum(&samples, "process_resident_memory_bytes").context("no memory")? > 0.0);
        // An object's name as a label makes a series for every object: only the conditions have one.
        let named = |line: &&str| line.contains(&case.namespace) && !line.contains("_operator_condition{");
        assert_eq!(text.lines().find(named), None, "a namespace is a label");
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn its_logs_are_readable_and_keep_secrets() -> Result<()> {
    e2e::run("logs", async |case| {
        let secret = format!("secret-{:016x}", fastrand::u64(..));
        let env = json!([{ "name": "API_TOKEN", "value": secret }]);
        case.apply_ready("l", json!({ "env": env, "config": { "message": { "delay": "0s" } } })).await?;
        // One that is refused is logged as well.
        case.apply("l", json!({ "env": env, "config": { "server": { "workers": 2 } } })).await?;
        case.condition("l", "Accepted", "False", "InvalidSpec").await?;

        let operator = case.operator().await?;
        let logs = operator.logs().await?;
        ensure!(!logs.is_empty(), "no logs");
        ensure!(!logs.contains(&secret), "the logs have the value of a variable");
        if log_format(&operator) == "json" {
            for line in logs.lines() {
                let entry: Value = serde_json::from_str(line).with_context(|| format!("not JSON: {line}"))?;
                ensure!(entry["level"].is_string() && entry["timestamp"].is_string(), "{entry}");
            }
        }
        Ok(())
    })
    .await
}

/// `LOG_FORMAT` of the operator's container; `text` where it is not set.
fn log_format(operator: &OperatorPod<'_>) -> String {
    let containers = operator.pod.spec.iter().flat_map(|spec| &spec.containers);
    let mut variables = containers.flat_map(|container| container.env.iter().flatten());
    let format = variables.find(|variable| variable.name == "LOG_FORMAT");
    format.and_then(|variable| variable.value.clone()).unwrap_or_else(|| "text".into())
}

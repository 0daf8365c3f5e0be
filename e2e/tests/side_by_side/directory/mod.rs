//! Users, regions and roles as three Microservices of one image, with Postgres and Zipkin: the example
//! `users-regions-roles.yaml` as a user applies it.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use e2e::{Case, example, wait};
use serde_json::{Value, json};

const BACKENDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/side_by_side/directory/backends.yaml");

#[tokio::test]
#[ignore = "needs a cluster"]
async fn one_trace_shows_three_services_and_their_statements() -> Result<()> {
    e2e::run("directory", async |case| {
        let kubectl = case.kubectl();
        // What the example says has to be put in: where the two are.
        let example =
            std::fs::read_to_string(example("users-regions-roles.yaml"))?.replace(".default.svc", "");
        let applied = kubectl.output(&["apply", "-f", BACKENDS, "-f", "-"], &example).await?;
        ensure!(applied.success, "{}", applied.stderr);
        let ready = ["users", "regions", "roles"].map(|name| format!("microservice/{name}"));
        let mut wait = vec!["wait", "--for=condition=Ready", "--timeout=180s"];
        wait.extend(ready.iter().map(String::as_str));
        kubectl.run(&wait).await?;

        let city = made(case, "http://regions/cities", &json!({"name": "shanghai"})).await?;
        let role = made(case, "http://roles/roles", &json!({"name": "admin"})).await?;
        let user = json!({"name": "ann", "age": 7, "city_id": city, "role_id": role});
        let id = made(case, "http://users/users", &user).await?;

        let answer = case.request("GET", &format!("http://users/users/{id}"), None).await?;
        ensure!(answer.status == 200, "{answer:?}");
        let user = &answer.json()?["data"];
        ensure!(user["name"] == "ann", "{user}");
        ensure!(user["city_id"]["id"] == city && user["city_id"]["name"] == "shanghai", "{user}");
        ensure!(user["role_id"]["id"] == role && user["role_id"]["name"] == "admin", "{user}");

        wait::until("the trace of the request in Zipkin", wait::LONG, async || {
            let traces = case.service("zipkin:9411", "/api/v2/traces?limit=100").await?;
            let traces: Vec<Vec<Value>> = serde_json::from_str(&traces)?;
            Ok(traces.iter().find(|trace| is_complete(trace)).map(|_| ()))
        })
        .await
    })
    .await
}

/// The id of what was made.
async fn made(case: &Case, url: &str, body: &Value) -> Result<i64> {
    let answer = case.request("POST", url, Some(&body.to_string())).await?;
    ensure!(answer.status == 200, "{url}: {answer:?}");
    answer.json()?["data"]["id"].as_i64().with_context(|| format!("{url}: no id in {answer:?}"))
}

/// Has the trace a request to each of the three, and a statement on each table?
fn is_complete(trace: &[Value]) -> bool {
    let tag = |span: &Value, name: &str| span["tags"][name].as_str().unwrap_or_default().to_owned();
    let served: BTreeSet<String> =
        trace.iter().filter(|span| span["kind"] == "SERVER").map(|span| tag(span, "component")).collect();
    let statements: Vec<String> = trace.iter().map(|span| tag(span, "db.sql")).collect();
    ["user", "region", "role"].iter().all(|name| served.contains(*name))
        && ["users", "cities", "roles"]
            .iter()
            .all(|table| statements.iter().any(|sql| sql.contains("SELECT") && sql.contains(table)))
}

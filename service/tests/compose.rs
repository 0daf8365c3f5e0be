//! Contract 1.7 and 3.2: the service with its neighbours, as `compose.yaml` has them. No container is started: the file
//! is checked against the Compose specification's schema, and what it names is started as it says.

#![cfg(test)]

mod support;

use std::{collections::BTreeMap, fs, path::Path};

use axum::{Json, http::HeaderMap, routing::get as on_get};
use chassis::App;
use serde_json::{Value, json};
use support::{
    http::{get, get_with, post},
    parts::{Nginx, StatsdExporter, free_port},
    process::{command, run, stderr, stdout},
    running::Running,
    until,
};

/// From <https://github.com/compose-spec/compose-go>, version 2.16.2.
const SCHEMA: &str = include_str!("data/compose.schema.json");

fn compose() -> Value {
    let text = fs::read_to_string(directory().join("compose.yaml")).unwrap();
    serde_yaml::from_str(&text).unwrap()
}

fn directory() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn services(compose: &Value) -> &serde_json::Map<String, Value> {
    compose["services"].as_object().unwrap()
}

/// What the service gets, with its variables as a user who traces would set them.
fn environment(compose: &Value) -> BTreeMap<String, String> {
    let set = compose["services"]["service"]["environment"].as_object().unwrap();
    let text = |value: &Value| match value.as_str().unwrap() {
        "${ZIPKIN_SERVER-}" => "http://zipkin:9411/api/v2/spans".to_owned(),
        "${POSTGRES_PASSWORD-}" => "geheim".to_owned(),
        text => text.trim_start_matches("${POSTGRES_PASSWORD:+").trim_end_matches('}').to_owned(),
    };
    set.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

/// contract 1.7.35, contract 3.2.16
#[test]
fn the_file_is_one_of_compose_and_what_it_names_is_there() {
    let compose = compose();
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<_> = validator.iter_errors(&compose).map(|error| error.to_string()).collect();
    assert_eq!(errors, [""; 0]);
    let mut wrong = compose.clone();
    wrong["services"]["service"]["restarts"] = json!("always");
    assert!(!validator.is_valid(&wrong), "the schema knows what it is about");

    let services = services(&compose);
    for (name, service) in services {
        let waits = service["depends_on"].as_object().into_iter().flatten();
        assert!(waits.clone().all(|(other, _)| services.contains_key(other)), "{name}");
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let source = volume.as_str().unwrap().split(':').next().unwrap();
            let is_there = if source.starts_with('.') {
                directory().join(source).is_file()
            } else {
                compose["volumes"].as_object().unwrap().contains_key(source)
            };
            assert!(is_there, "{name}: {source}");
        }
    }
    let build = &services["service"]["build"];
    let context = directory().join(build["context"].as_str().unwrap());
    assert!(context.join(build["dockerfile"].as_str().unwrap()).is_file());
    for (name, port) in [
        ("service", "8080:8080"),
        ("proxy", "80:80"),
        ("metrics", "9102:9102"),
        ("swagger-ui", "8090:8080"),
        ("zipkin", "9411:9411"),
    ] {
        assert_eq!(services[name]["ports"], json!([port]), "{name}");
    }
}

/// contract 1.7.35
#[tokio::test]
async fn every_variable_of_the_service_is_one_that_it_knows_and_leads_somewhere() {
    let compose = compose();
    let environment = environment(&compose);
    let env: Vec<_> = environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let printed = run(&env, &["config", "print"]).await;
    let in_force = stdout(&printed);
    for name in environment.keys() {
        assert!(in_force.contains(&format!("# variable {name}\n")), "{name} sets nothing in\n{in_force}");
    }
    let checked = run(&env, &["config", "check"]).await;
    assert_eq!((checked.status.code(), stderr(&checked)), (Some(0), ""));
    assert!(services(&compose).contains_key(&environment["POSTGRES_SERVICE_HOST"]));
    for (name, value) in environment.iter().filter(|(_, value)| value.starts_with("http://")) {
        let host = value.trim_start_matches("http://").split(':').next().unwrap();
        let known = ["0.0.0.0", "localhost"].contains(&host) || services(&compose).contains_key(host);
        assert!(known, "{name}: there is no {host}");
    }
}

/// contract 1.7.36
#[tokio::test]
async fn a_message_through_nginx_comes_back_and_is_counted_by_the_exporter() {
    let Some(exporter) = StatsdExporter::start().await else { return };
    let service = std::net::SocketAddr::from(([127, 0, 0, 1], free_port()));
    let mut environment = environment(&compose());
    environment.retain(|name, _| name != "ZIPKIN_SERVER" && !name.starts_with("POSTGRES_"));
    environment.insert("PYMICRO".to_owned(), format!("http://{service}"));
    environment.insert("PYMICRO_STATSD".to_owned(), format!("http://{}", exporter.statsd));
    environment.insert("CHASSIS_SERVER__ADMIN".to_owned(), "http://127.0.0.1:0".to_owned());
    environment.insert("CHASSIS_METRICS__PUSH_INTERVAL".to_owned(), "50ms".to_owned());
    let _service = command().envs(environment).arg("serve").spawn().unwrap();
    until(true, async || tokio::net::TcpStream::connect(service).await.is_ok()).await;
    let Some(nginx) = Nginx::start(service).await else { return };
    let answer = post(nginx.address, "/microservice", r#"{"hello":"pymicro-flask"}"#).await.json();
    assert_eq!(answer["hello"], "pymicro-flask");
    assert!([json!(0), json!(-1)].contains(&answer["pymicro.ret"]), "{answer}");
    until(Some(1.0), async || exporter.value("pymicro_req_total").await).await;
    until(1.0, async || exporter.sum("uwsgi_pymicro_worker_requests").await).await;
}

/// contract 3.2.15
#[tokio::test]
async fn nginx_tells_the_service_who_asks_and_for_which_host() {
    let echo = on_get(async |headers: HeaderMap| {
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let others = ["forwarded", "x-forwarded-host", "x-forwarded-port", "x-forwarded-prefix"].map(text);
        Json(json!([
            text("host"),
            text("x-real-ip"),
            text("x-forwarded-for"),
            text("x-forwarded-proto").or(others.into_iter().flatten().next()),
        ]))
    });
    let running = Running::with(&[], App::new().unwrap().route("/echo/{*rest}", echo)).await;
    let Some(nginx) = Nginx::start(running.service).await else { return };
    // The client says `users:8080`.
    let seen = get_with(nginx.address, "/echo/a?b=c", &[]).await.json();
    assert_eq!(seen, json!(["users:8080", "127.0.0.1", "127.0.0.1", null]));
    let seen =
        get_with(nginx.address, "/echo/a", &[("x-forwarded-for", "10.1.2.3"), ("x-real-ip", "10.1.2.3")])
            .await;
    assert_eq!(seen.json(), json!(["users:8080", "127.0.0.1", "10.1.2.3, 127.0.0.1", null]));
    let names =
        ["forwarded", "x-forwarded-host", "x-forwarded-port", "x-forwarded-prefix", "x-forwarded-proto"];
    let seen = get_with(nginx.address, "/echo/a", &names.map(|name| (name, "evil.example.com"))).await;
    assert!(!seen.body.contains("evil"), "a stranger's word: {}", seen.body);
    assert_eq!(get(nginx.address, "/nowhere").await.status, 404, "every path leads to the service");
}

/// contract 3.2.15
#[tokio::test]
async fn links_are_right_behind_a_port_that_is_not_80() {
    let running = Running::bundled(&[]).await;
    let Some(nginx) = Nginx::start(running.service).await else { return };
    let page = get_with(nginx.address, "/products?limit=2", &[]).await.json();
    let next = page["meta"]["pagination"]["next"].as_str().unwrap();
    assert!(next.starts_with("http://users:8080/products?"), "{page}");
    let large = post(nginx.address, "/microservice", &"x".repeat(2 << 20)).await;
    assert_eq!(large.status, 413, "nginx has the limit of the service");
}

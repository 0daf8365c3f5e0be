//! A service that asks two others at the same time, in one trace:
//!
//! ```text
//! cargo run -p chassis --example upstreams
//! ```

use std::error::Error;

use axum::{extract::State, http::HeaderMap, routing::get};
use chassis::{
    App, Config, Server, Shutdown, client,
    config::{Reader, Sources, Upstream, load},
    upstream_keys,
    wire::fetch,
};

struct Settings {
    chassis: Config,
    cities: Upstream,
    roles: Upstream,
}

fn settings(more: &[(&str, &str)]) -> Result<Settings, chassis::config::ConfigError> {
    let own = [
        ("CHASSIS_SERVER__LISTEN", "http://127.0.0.1:0"),
        ("CHASSIS_SERVER__ADMIN", "http://127.0.0.1:0"),
        ("CHASSIS_TRACING__LOG", "true"),
    ];
    let read = |reader: &mut Reader| Settings {
        cities: Upstream::read(reader, upstream_keys!("cities")),
        roles: Upstream::read(reader, upstream_keys!("roles")),
        chassis: Config::read(reader),
    };
    let sources = Sources::default().with_env(own).with_env(more.iter().copied());
    load(&sources, read).map(|loaded| loaded.config)
}

#[derive(Clone)]
struct Others {
    cities: client::Upstream,
    roles: client::Upstream,
}

async fn user(State(Others { cities, roles }): State<Others>) -> String {
    let (city, role) = futures::join!(cities.get("/cities/1").send(), roles.get("/roles/1").send());
    let text = |answer: Result<client::Answer, client::CallError>| match answer {
        Ok(answer) => String::from_utf8_lossy(answer.body()).into_owned(),
        Err(error) => error.to_string(),
    };
    format!("city: {}\nrole: {}\n", text(city), text(role))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let city =
        get(async |headers: HeaderMap| format!("Oslo, asked by the trace {:?}", headers.get("traceparent")));
    let role = get(async || "editor");
    let others = App::new()?.route("/cities/{id}", city).route("/roles/{id}", role);
    let others = Server::bind(&settings(&[])?.chassis, others).await?;
    let url = format!("http://{}", others.service_address());
    let shutdown = Shutdown::new();
    let first = tokio::spawn(others.run(shutdown.clone()));

    let Settings { chassis, cities, roles } =
        settings(&[("CHASSIS_UPSTREAMS__CITIES__URL", &url), ("CHASSIS_UPSTREAMS__ROLES__URL", &url)])?;
    let app = App::new()?;
    let _log = chassis::logging::init(&chassis.logging, app.metrics())?;
    let asked = Others { cities: app.upstream(&cities)?, roles: app.upstream(&roles)? };
    let users = Server::bind(&chassis, app.route("/users/{id}", get(user).with_state(asked))).await?;
    let url = format!("http://{}/users/7", users.service_address());
    let second = tokio::spawn(users.run(shutdown.clone()));

    let answer = fetch(&url, None, std::time::Duration::from_secs(5)).await?;
    println!("{}", String::from_utf8_lossy(&answer.body));
    shutdown.drain();
    first.await?;
    second.await?;
    Ok(())
}

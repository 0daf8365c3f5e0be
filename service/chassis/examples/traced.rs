//! A traced request, and what Zipkin is told about it:
//!
//! ```text
//! cargo run -p chassis --example traced
//! ```

use std::error::Error;

use axum::routing::{get, post};
use chassis::{
    App, Config, Server, Shutdown,
    config::{Sources, load},
    trace::{self, Kind, Span},
    wire::fetch,
};

async fn get_users() -> &'static str {
    trace::name("get_users");
    let mut span = Span::begin(Kind::Local, "fetch").component("db-execute");
    span.tag("db.sql", "SELECT name FROM users");
    span.run(async { "Ada, Grace\n" }).await
}

async fn server(app: App, zipkin: &str) -> Result<Server, Box<dyn Error>> {
    let sources = Sources::default().with_env([
        ("CHASSIS_SERVER__LISTEN", "http://127.0.0.1:0"),
        ("CHASSIS_SERVER__ADMIN", "http://127.0.0.1:0"),
        ("CHASSIS_TRACING__ZIPKIN_URL", zipkin),
    ]);
    Ok(Server::bind(&load(&sources, Config::read)?.config, app).await?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // In place of Zipkin.
    let print = post(async |spans: String| println!("{spans}"));
    let zipkin = server(App::new()?.route("/api/v2/spans", print), "none").await?;
    let url = format!("http://{}/api/v2/spans", zipkin.service_address());
    let collecting = Shutdown::new();
    let collector = tokio::spawn(zipkin.run(collecting.clone()));

    let users = server(App::new()?.route("/users", get(get_users)), &url).await?;
    let users_url = format!("http://{}/users", users.service_address());
    let shutdown = Shutdown::new();
    let running = tokio::spawn(users.run(shutdown.clone()));
    fetch(&users_url, None, std::time::Duration::from_secs(5)).await?;

    // The end of the drain sends the spans that wait.
    shutdown.drain();
    running.await?;
    collecting.drain();
    collector.await?;
    Ok(())
}
